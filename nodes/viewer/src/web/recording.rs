//! Hands the recording to the page.
//!
//! rerun serves a recording on a port of its own, to whoever asks. That port is open to this machine only, and pages
//! reach it through here: one address and one set of rules for all that the page needs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Shared;

/// Where rerun's viewer looks for recordings.
pub(super) const ROUTE: &str = "/rerun.sdk_comms.v1alpha1.MessageProxyService/{method}";

/// What a page may ask for. It may not write into the recording.
const METHODS: [&str; 2] = ["ReadMessages", "ReadTables"];

pub(super) async fn forward(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    mut request: Request,
) -> Response {
    if !METHODS.contains(&method.as_str()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let there = format!(
        "http://127.0.0.1:{}{}",
        shared.recording_port,
        request.uri().path()
    );
    let Ok(uri) = there.parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    // They speak of this server, and the cookie is for nobody else.
    for name in [header::HOST, header::ORIGIN, header::COOKIE] {
        request.headers_mut().remove(name);
    }
    let client: Client<HttpConnector, Body> =
        Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    match client.request(request).await {
        Ok(response) => response.map(|body| {
            // As long as it reads, somebody looks.
            let page = shared.pages.opened();
            let stream = Body::new(body).into_data_stream();
            Body::from_stream(stream.inspect(move |_| {
                let _ = &page;
            }))
        }),
        Err(error) => {
            let reason = format!("the recording cannot be had: {error}");
            (StatusCode::BAD_GATEWAY, reason).into_response()
        }
    }
}
