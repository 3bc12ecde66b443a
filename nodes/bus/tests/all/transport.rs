//! Streams of every kind.

use crate::{Outcome, run_node};
use bus::{ClockSource, Endpoint, Graph, GraphConfig, Network, NetworkError, NodeSpec, Stream};
use std::{io, sync::Arc, sync::Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Runs a function with a network in real time, on tokio's event loop.
fn with_network(main: impl AsyncFnOnce(&Network) -> Outcome) {
    let graph = Graph::new(GraphConfig {
        clock: ClockSource::System,
        ..GraphConfig::default()
    });
    let handle = graph.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(main(handle.network())).unwrap();
}

/// Sends all byte values both ways, more than fits any buffer.
async fn echo(
    mut near: Box<dyn Stream>,
    mut far: Box<dyn Stream>,
) -> io::Result<(Box<dyn Stream>, Box<dyn Stream>)> {
    let sent: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
    for _ in 0..2 {
        let mut received = vec![0; sent.len()];
        let (written, read) = tokio::join!(near.write_all(&sent), far.read_exact(&mut received));
        written?;
        read?;
        assert!(received == sent, "every byte passes as it is");
        std::mem::swap(&mut near, &mut far);
    }
    Ok((near, far))
}

#[test]
fn memory_works_in_lockstep_and_waits_for_a_listener() {
    run_node(|node| async move {
        let endpoint = Endpoint::parse("memory://ur/rtde")?;
        let listen = async {
            node.clock().sleep(std::time::Duration::from_secs(3)).await;
            let mut listener = node.network().listen(&endpoint).await?;
            assert!(
                node.network().listen(&endpoint).await.is_err(),
                "the name is taken"
            );
            listener.accept().await
        };
        let (near, far) = tokio::join!(node.network().connect(&endpoint), listen);
        let (near, mut far) = echo(near?, far?).await?;
        drop(near);
        assert_eq!(far.read(&mut [0; 4]).await?, 0, "end of stream");
        assert!(
            node.network().listen(&endpoint).await.is_ok(),
            "the name is free again"
        );
        Ok(())
    })
    .unwrap();
}

#[test]
fn lockstep_allows_nothing_outside_of_the_process() {
    run_node(|node| async move {
        for text in [
            "tcp://127.0.0.1:1",
            "serial:///dev/null",
            "pty:///tmp/never",
        ] {
            let endpoint = Endpoint::parse(text)?;
            let connect = node
                .network()
                .connect(&endpoint)
                .await
                .err()
                .unwrap()
                .to_string();
            assert!(connect.contains("lockstep"), "{connect}");
            assert!(node.network().listen(&endpoint).await.is_err());
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn tcp_carries_bytes_and_says_which_port_it_got() {
    with_network(async |network| {
        let mut listener = network.listen(&Endpoint::parse("tcp://:0")?).await?;
        let endpoint = listener.endpoint();
        assert!(
            matches!(&endpoint, Endpoint::Tcp { host, port } if host == "127.0.0.1" && *port != 0)
        );
        let (near, far) = tokio::join!(network.connect(&endpoint), listener.accept());
        echo(near?, far?).await?;
        drop(listener);
        let refused = network.connect(&endpoint).await.err().unwrap().to_string();
        assert!(
            refused.contains("is the controller or simulator running?"),
            "{refused}"
        );
        Ok(())
    });
}

#[test]
fn a_pty_carries_raw_bytes_and_outlives_its_users() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("sih");
    let inner = link.clone();
    with_network(async |network| {
        let pty = Endpoint::Pty {
            path: inner.clone(),
        };
        let line = Endpoint::Serial {
            path: inner.clone(),
            baud: 1_000_000,
        };
        let mut listener = network.listen(&pty).await?;
        let mut device = listener.accept().await?;
        for _ in 0..2 {
            let host = network.connect(&line).await?;
            let (host, back) = echo(host, device).await?;
            drop(host);
            device = back;
        }
        drop(device);
        let mut device = listener.accept().await?;
        let mut host = network.connect(&line).await?;
        device.write_all(b"again").await?;
        let mut received = [0; 5];
        host.read_exact(&mut received).await?;
        assert_eq!(&received, b"again");
        drop(listener);
        assert!(!inner.exists(), "the link is gone");
        Ok(())
    });
}

#[test]
fn a_pty_replaces_a_stale_link_but_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (stale, file) = (folder.path().join("stale"), folder.path().join("file"));
    std::os::unix::fs::symlink("/dev/pts/gone", &stale).unwrap();
    std::fs::write(&file, "precious").unwrap();
    let (stale_inner, file_inner) = (stale.clone(), file.clone());
    with_network(async |network| {
        let listener = network
            .listen(&Endpoint::Pty {
                path: stale_inner.clone(),
            })
            .await?;
        assert!(stale_inner.exists());
        drop(listener);
        let error = network
            .listen(&Endpoint::Pty { path: file_inner })
            .await
            .unwrap_err();
        assert!(
            matches!(&error, NetworkError::Io { .. }) && error.to_string().contains("no link"),
            "{error}"
        );
        Ok(())
    });
    assert_eq!(std::fs::read_to_string(file).unwrap(), "precious");
}

#[test]
fn a_missing_device_is_named() {
    with_network(async |network| {
        let error = network
            .connect(&Endpoint::parse("serial:///dev/no_such_tty")?)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("/dev/no_such_tty") && error.contains("plugged in"),
            "{error}"
        );
        let error = network
            .connect(&Endpoint::parse("pty:///tmp/x")?)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("serial://"), "{error}");
        Ok(())
    });
}

#[test]
fn a_driver_in_a_node_talks_to_a_face_in_another() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&heard);
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(NodeSpec::new("face"), |node| async move {
            let mut listener = node
                .network()
                .listen(&Endpoint::parse("memory://bus")?)
                .await?;
            let mut stream = listener.accept().await?;
            let mut byte = [0];
            while stream.read(&mut byte).await? == 1 {
                stream.write_all(&[byte[0] + 1]).await?;
            }
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("driver"), |node| async move {
            let mut stream = node
                .network()
                .connect(&Endpoint::parse("memory://bus")?)
                .await?;
            for byte in 0..5 {
                stream.write_all(&[byte]).await?;
                let mut answer = [0];
                stream.read_exact(&mut answer).await?;
                own.lock().unwrap().push(answer[0]);
            }
            Outcome::Ok(())
        })
        .unwrap();
    graph.run_lockstep(None).unwrap();
    assert_eq!(*heard.lock().unwrap(), [1, 2, 3, 4, 5]);
}
