//! Hands the recording to the page.
//!
//! rerun serves a recording on a port of its own to whoever asks, pages of other servers on this machine included, and
//! lets them write into it. Where it listens is drawn at random among the 16 million addresses of this machine
//! ([`Log::start`](crate::show::Log::start)), which no page can search; programs on this machine can find it, and could
//! see and change what is shown. None can move the robot there. Our own pages reach it through here: one address and
//! one set of rules for all that the page needs.

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
    let there = format!("http://{}{}", shared.recording, request.uri().path());
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
