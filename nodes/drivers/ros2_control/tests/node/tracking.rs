use crate::cell::{CYCLE_S, HOME, Kind, run};

const KINDS: [Kind; 3] = [Kind::Position, Kind::OpenLoop, Kind::ClosedLoop];

#[test]
fn the_arm_goes_where_it_is_told_through_every_controller() {
    for kind in KINDS {
        let world = run(kind, &[], move |_, cell, hands| async move {
            hands.wait(0.5).await;
            cell.expect("ready", "");
            hands.move_joint(0, HOME[0] + 0.3, 1.0);
            hands.wait(0.6).await;
            let halfway = cell.world().q[0] - HOME[0];
            assert!((0.05..0.25).contains(&halfway), "{halfway}");
            hands.wait(1.4).await;
            hands.move_joint(0, HOME[0] - 0.1, 1.0);
            hands.wait(2.0).await;
            cell.expect("ready", "");
            Ok(())
        });
        for (time_s, expected) in [(2.4, HOME[0] + 0.3), (4.4, HOME[0] - 0.1)] {
            let q = world.at(time_s).q;
            assert!((q[0] - expected).abs() < 1e-3, "{kind:?}: {q:?}");
            assert!(
                q.iter()
                    .zip(HOME)
                    .skip(1)
                    .all(|(q, home)| (q - home).abs() < 1e-3)
            );
        }
    }
}

#[test]
fn a_stream_of_commands_is_followed_smoothly() {
    for kind in KINDS {
        let world = run(kind, &[], |_, _, hands| async move {
            hands.wait(0.5).await;
            for step in 1..=15 {
                hands.move_joint(0, HOME[0] + 0.04 * f64::from(step), 2.0 / 15.0);
                hands.wait(1.0 / 7.5).await;
            }
            hands.wait(0.5).await;
            Ok(())
        });
        let end = world.samples.last().unwrap().q[0] - HOME[0];
        assert!((end - 0.6).abs() < 2e-3, "{kind:?}: {end}");
        if kind != Kind::ClosedLoop {
            let step = world.largest_step();
            assert!(step < 1.05 * CYCLE_S * 1.2, "{kind:?}: {step}");
        }
    }
}

#[test]
fn at_rest_nothing_is_sent_and_others_may_move_the_arm() {
    for kind in KINDS {
        let world = run(kind, &[], move |_, cell, hands| async move {
            hands.wait(1.0).await;
            assert_eq!(cell.world().samples.last().unwrap().messages, 0);
            hands.move_joint(0, HOME[0] + 0.2, 0.5);
            hands.wait(1.5).await;
            let sent = cell.world().samples.last().unwrap().messages;
            assert!(sent > 0);
            hands.wait(1.0).await;
            assert_eq!(cell.world().samples.last().unwrap().messages, sent);
            // Somebody pushes the arm away, through another controller.
            cell.world().push(1, 0.5);
            hands.wait(0.3).await;
            cell.expect("ready", "");
            hands.move_joint(0, HOME[0], 2.0);
            hands.wait(3.0).await;
            cell.expect("ready", "");
            Ok(())
        });
        let before = world.at(3.75);
        let first = world
            .samples
            .iter()
            .find(|sample| sample.messages > before.messages)
            .unwrap();
        let jump = first.command[1] - before.q[1];
        assert!(jump.abs() < 0.02, "{kind:?}: {jump}");
        assert!((world.samples.last().unwrap().q[1] - HOME[1]).abs() < 2e-3);
    }
}

#[test]
fn a_trajectory_controller_is_told_no_more_than_it_may_do_alone() {
    let world = run(Kind::OpenLoop, &[], |_, _, hands| async move {
        hands.wait(0.5).await;
        hands.move_joint(0, HOME[0] + 2.0, 5.0);
        hands.wait(7.0).await;
        Ok(())
    });
    assert!((world.samples.last().unwrap().q[0] - HOME[0] - 2.0).abs() < 1e-3);
    for trajectory in &world.trajectories {
        let last: std::time::Duration = trajectory
            .points
            .last()
            .unwrap()
            .time_from_start
            .try_into()
            .unwrap();
        assert!(last.as_secs_f64() <= 0.4 + 0.1 + 2.0 * CYCLE_S, "{last:?}");
        // It ends at rest: by no more than its acceleration takes away in a cycle.
        if let [.., before, last] = trajectory.points.as_slice() {
            let step = (last.positions[0] - before.positions[0]).abs();
            assert!(step <= 13.0 * CYCLE_S * CYCLE_S + 1e-9, "{step}");
        }
    }
    let count = world.trajectories.len();
    assert!((10..60).contains(&count), "{count} trajectories in 5 s");
}
