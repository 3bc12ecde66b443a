//! The page and what it asks for: a small web server on a thread of its own.

mod desk;
mod live;
mod page;
mod recording;
mod wanted;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use re_web_viewer_server::WebViewerData;
use tokio::sync::{oneshot, watch};

use crate::access::{self, Access, Claim};
use crate::status::Status;

pub(crate) use desk::Desk;
pub(crate) use live::Pages;

/// What every request can reach.
pub(crate) struct Shared {
    pub(crate) access: Access,
    pub(crate) desk: Desk,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) pages: Pages,
    /// Where the recording's own server is on this machine.
    pub(crate) recording: SocketAddr,
    pub(crate) viewer: WebViewerData,
}

/// A listening socket, so that a port that is taken is known before anything starts.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The running server; it ends when this is dropped.
pub(crate) struct Server {
    over: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Server {
    /// Serves the page on a thread of its own.
    pub(crate) fn start(listener: TcpListener, shared: Shared) -> io::Result<Self> {
        let (over, is_over) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("viewer_page".to_owned())
            .spawn(move || {
                // Nobody waits for the end when the node is gone.
                end.send(serve(listener, shared, is_over)).ok();
            })?;
        Ok(Self {
            over: Some(over),
            ended,
        })
    }

    /// Waits for a server that breaks.
    pub(crate) async fn broke(&mut self) -> io::Error {
        match (&mut self.ended).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => io::Error::other("its thread ended"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(over) = self.over.take() {
            over.send(()).ok();
        }
    }
}

fn serve(listener: TcpListener, shared: Shared, is_over: oneshot::Receiver<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            served = axum::serve(listener, router(Arc::new(shared))) => served,
            // Pages keep lines open for as long as they can: they are cut.
            _ = is_over => Ok(()),
        }
    })
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/rerun/re_viewer.js", get(page::viewer_script))
        .route("/rerun/re_viewer_bg.wasm", get(page::viewer_wasm))
        .route("/live", get(live::live))
        .route("/click", post(wanted::click))
        .route("/call/{service}", post(wanted::call))
        .route(recording::ROUTE, post(recording::forward))
        .layer(from_fn_with_state(Arc::clone(&shared), guard))
        .with_state(shared)
}

/// Refuses whom [`Access`] refuses, and tells the browser to keep the page to itself.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let query = request.uri().query().unwrap_or_default();
    let asked = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="));
    let claim = Claim {
        host: text(header::HOST),
        origin: text(header::ORIGIN),
        // A new token in the address comes before the cookie of an old one.
        token: asked.or(cookie(headers)),
    };
    let mut response = match shared.access.check(claim) {
        // The token leaves the address bar for a cookie.
        Ok(()) if asked.is_some() => {
            let token = asked.unwrap_or_default();
            let cookie = format!(
                "{}={token}; Path=/; HttpOnly; SameSite=Strict",
                access::COOKIE
            );
            let to = [
                (header::LOCATION, "/".to_owned()),
                (header::SET_COOKIE, cookie),
            ];
            (StatusCode::SEE_OTHER, to).into_response()
        }
        Ok(()) => next.run(request).await,
        Err(denied) => (StatusCode::FORBIDDEN, denied.to_string()).into_response(),
    };
    for (name, value) in page::HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|pairs| pairs.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(access::COOKIE)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        let value = HeaderValue::from_static("a=1; grasp_anything_token=secret; b=2");
        headers.insert(header::COOKIE, value);
        assert_eq!(cookie(&headers), Some("secret"));
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("grasp_anything_token2=x"),
        );
        assert_eq!(cookie(&headers), None);
    }
}
