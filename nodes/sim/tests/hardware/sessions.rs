//! What clients may do to the faces: nonsense, two at a time, leaving in the middle.

use futures::executor::block_on;
use proptest::prelude::*;
use sih_driver::register_map::RegisterMap;
use sim::faces::{sih, ur};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use ur_driver::control_program::{RobotState, SetPoint};
use ur_driver::rtde::{Client, Event, RtdeError};

type Session = Client<DuplexStream, RobotState, SetPoint>;

/// Sends bytes to one end of a stream whose other end a face serves, and hangs up.
fn pour<F: Future<Output = ()>>(bytes: &[u8], serve: impl FnOnce(DuplexStream) -> F) {
    let (mut near, far) = tokio::io::duplex(1 << 16);
    block_on(async {
        let send = async {
            near.write_all(bytes).await.ok();
            near.shutdown().await.ok();
            near.read_to_end(&mut Vec::new()).await.ok();
        };
        futures::join!(send, serve(far));
    });
}

fn arm_face() -> ur::UrFace {
    ur::UrFace::new(ur::Config::default(), ur::Reading::default())
}

proptest! {
    #[test]
    fn nonsense_ends_a_session_and_harms_nobody(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        kind in proptest::sample::select(b"VvMUOISP".to_vec()),
    ) {
        // Bytes as they are, and as the payload of a well-formed package.
        let arm = arm_face();
        pour(&bytes, |stream| arm.serve_rtde(stream));
        let mut package = Vec::new();
        ur_driver::rtde::frame::write(&mut package, kind, |out| out.extend_from_slice(&bytes));
        pour(&package, |stream| arm.serve_rtde(stream));
        pour(&bytes, |stream| arm.serve_dashboard(stream));
        pour(&bytes, |stream| arm.serve_script(stream));
        let target = arm.cycle(ur::Reading::default());
        prop_assert_eq!(target, ur::Target::default());

        let reading = sih::Reading::default();
        let hand = sih::SihFace::new(RegisterMap::example().unwrap(), reading);
        pour(&bytes, |stream| hand.serve_line(stream));
        let instruction = sih_driver::dynamixel::Packet {
            id: bytes.first().copied().unwrap_or(1) % 7,
            instruction: kind % 4,
            parameters: bytes.clone(),
        };
        pour(&instruction.to_bytes(), |stream| hand.serve_line(stream));
        let goals = hand.cycle(reading, 0.008);
        prop_assert!(goals.iter().all(|goal| goal.is_finite()));
    }
}

#[test]
fn registers_belong_to_one_client_at_a_time() {
    let face = arm_face();
    let connect = || tokio::io::duplex(1 << 16);
    let ((first, first_far), (second, second_far), (third, third_far)) =
        (connect(), connect(), connect());
    block_on(async {
        let clients = async {
            let holder = Session::start(first, 125.0).await.unwrap();
            let refused = Session::start(second, 125.0).await.unwrap_err();
            assert!(
                matches!(&refused, RtdeError::Variable { answer, .. } if answer == "IN_USE"),
                "{refused}"
            );
            drop(holder);
            // The face notices the end of the first session when it is polled next.
            futures::pending!();
            Session::start(third, 125.0).await.unwrap();
        };
        let clients = async {
            let mut clients = std::pin::pin!(clients);
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                clients.as_mut().poll(context)
            })
            .await;
        };
        futures::join!(
            clients,
            face.serve_rtde(first_far),
            face.serve_rtde(second_far),
            face.serve_rtde(third_far)
        );
    });
}

#[test]
fn data_comes_at_the_rate_that_was_asked_for() {
    let face = arm_face();
    let (near, far) = tokio::io::duplex(1 << 16);
    let mut stamps = Vec::new();
    block_on(async {
        let client = async {
            let mut client = Session::start(near, 25.0).await.unwrap();
            assert_eq!(client.version().major, 3);
            for _ in 0..50 {
                face.cycle(ur::Reading::default());
            }
            while stamps.len() < 10 {
                if let Event::Data(state) = client.receive().await.unwrap() {
                    stamps.push(state.timestamp);
                }
            }
        };
        futures::join!(client, face.serve_rtde(far));
    });
    for pair in stamps.windows(2) {
        assert!((pair[1] - pair[0] - 0.04).abs() < 1e-9, "{stamps:?}");
    }
}
