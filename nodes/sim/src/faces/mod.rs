//! Hardware faces: the cell behind the protocols of the real controllers.
//!
//! A face is what a driver sees when it connects: [`ur`] is a UR controller, [`sih`] the servo bus
//! of the hand. Neither knows the physics. The loop that steps the world gives each face what was
//! measured and takes from it where the joints are to go; the sessions of the clients run beside
//! that loop, over TCP, a pseudo-terminal or pipes in memory.

pub mod sih;
pub mod ur;

use bus::{Endpoint, Listener, NetworkError, Stream};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use std::future::Future;
use tokio::sync::watch;

/// Accepts connections for ever and serves each; `cut` ends all that are open at that moment.
async fn serve_all<F: Future<Output = ()>>(
    mut listener: Listener,
    cut: &watch::Sender<u64>,
    session: impl Fn(Box<dyn Stream>) -> F,
) -> Result<(), NetworkError> {
    let mut sessions = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            stream = listener.accept() => {
                let session = session(stream?);
                let mut cut = cut.subscribe();
                sessions.push(async move {
                    tokio::select! {
                        biased;
                        _ = cut.changed() => {}
                        () = session => {}
                    }
                });
            }
            Some(()) = sessions.next() => {}
        }
    }
}

/// Listens on an endpoint that is written as a URL.
async fn listen(network: &bus::Network, endpoint: &str) -> Result<Listener, NetworkError> {
    network.listen(&Endpoint::parse(endpoint)?).await
}
