//! A graph that runs while a test looks at it.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bus::{Graph, GraphHandle, NodeSpec, ParameterOverrides};

/// Parameters from pairs of name and YAML.
pub(crate) fn parameters(pairs: &[(&str, &str)]) -> ParameterOverrides {
    pairs
        .iter()
        .fold(ParameterOverrides::new(), |parameters, (name, value)| {
            parameters.set(name, value).unwrap()
        })
}

/// Adds the node under test; the port of its page.
pub(crate) fn add_viewer(graph: &mut Graph, more: &[(&str, &str)]) -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    let number = port.to_string();
    let pairs = [&[("port", number.as_str())], more].concat();
    let spec = NodeSpec::new("viewer").parameters(parameters(&pairs));
    graph.add(spec, viewer::run).unwrap();
    port
}

/// A graph that runs on its own threads until this is dropped.
pub(crate) struct Running {
    handle: GraphHandle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(graph: Graph) -> Self {
        let handle = graph.handle();
        let thread = std::thread::spawn(move || {
            let report = graph.run_realtime().unwrap();
            assert!(report.failures.is_empty(), "{:?}", report.failures);
        });
        Self {
            handle,
            thread: Some(thread),
        }
    }

    /// Ends the graph and waits for it.
    pub(crate) fn end(mut self) {
        self.handle.request_shutdown();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.request_shutdown();
        if let Some(thread) = self.thread.take() {
            // Whatever went wrong first is what the test should show.
            thread.join().ok();
        }
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < patience, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a node and a test share.
pub(crate) type Shared<T> = Arc<Mutex<T>>;
