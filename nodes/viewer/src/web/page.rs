//! The page's files, built into the program.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse};

use super::Shared;

/// Added to every answer. The page may run its own scripts and talk to this server, and to nobody else: rerun's viewer
/// would otherwise report its use over the network. No other page may frame this one and have its buttons clicked.
pub(super) const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
         connect-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-cache"),
];

pub(super) async fn index() -> impl IntoResponse {
    Html(include_str!("../page/index.html"))
}

pub(super) async fn style() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("../page/page.css"),
    )
}

pub(super) async fn script() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("../page/page.js"),
    )
}

pub(super) async fn viewer_script(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let script = shared.viewer.viewer_js().to_vec();
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        script,
    )
}

pub(super) async fn viewer_wasm(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let wasm = shared.viewer.viewer_wasm().to_vec();
    ([(header::CONTENT_TYPE, "application/wasm")], wasm)
}
