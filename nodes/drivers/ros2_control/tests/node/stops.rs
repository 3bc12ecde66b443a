use crate::cell::{Cell, HOME, Hands, Kind, run};

const KINDS: [Kind; 3] = [Kind::Position, Kind::OpenLoop, Kind::ClosedLoop];

/// Brings the arm into motion: after this it is a third of the way through 2 s.
async fn in_motion(hands: &Hands, cell: &Cell) {
    hands.wait(0.5).await;
    cell.expect("ready", "");
    hands.move_joint(0, HOME[0] + 1.0, 2.0);
    hands.wait(0.7).await;
}

#[test]
fn stale_joint_states_stop_the_arm_and_refuse_commands() {
    for kind in KINDS {
        let world = run(kind, &[], move |_, cell, hands| async move {
            in_motion(&hands, &cell).await;
            cell.world().reports = false;
            hands.wait(0.5).await;
            cell.expect("disconnected", "no joint states of the arm for");
            let stood = cell.world().q[0];
            hands.move_joint(0, HOME[0], 1.0);
            hands.wait(0.5).await;
            assert!((cell.world().q[0] - stood).abs() < 1e-3, "it stays");
            let refusal = cell.status().value("last_refusal").unwrap().to_owned();
            assert!(refusal.contains("the arm is disconnected"), "{refusal}");
            // Meanwhile somebody moved the arm.
            cell.world().push(0, 0.2);
            cell.world().reports = true;
            hands.wait(0.3).await;
            cell.expect("ready", "");
            assert!((cell.world().q[0] - stood - 0.2).abs() < 1e-2, "no jump");
            Ok(())
        });
        // 0.1 s until they count as stale, 0.1 s to brake, and a cycle or two.
        let moving = world.samples.windows(2).rfind(|pair| {
            pair[1].time_s < 1.6 && (pair[1].command[0] - pair[0].command[0]).abs() > 1e-9
        });
        let until_s = moving.unwrap()[1].time_s;
        let most_s = if kind == Kind::ClosedLoop { 1.5 } else { 1.44 };
        assert!(until_s < most_s, "{kind:?}: moves until {until_s}");
    }
}

#[test]
fn a_stop_lasts_until_it_is_reset() {
    for kind in KINDS {
        let world = run(kind, &[], move |_, cell, hands| async move {
            in_motion(&hands, &cell).await;
            assert!(hands.call("arm/stop").await.success);
            let early = hands.call("arm/reset").await;
            assert!(!early.success && early.message.contains("coming to rest"));
            hands.wait(0.6).await;
            cell.expect("stopped", "on request");
            let stood = cell.world().q[0];
            hands.move_joint(0, HOME[0], 1.0);
            hands.wait(0.5).await;
            assert!((cell.world().q[0] - stood).abs() < 1e-4);
            let reset = hands.call("arm/reset").await;
            assert!(reset.success, "{}", reset.message);
            hands.wait(0.5).await;
            assert!(
                (cell.world().q[0] - stood).abs() < 1e-4,
                "nothing of before"
            );
            hands.move_joint(0, HOME[0], 1.0);
            hands.wait(1.5).await;
            assert!((cell.world().q[0] - HOME[0]).abs() < 1e-3);
            Ok(())
        });
        if kind != Kind::ClosedLoop {
            let braked = world.at(1.35).command[0] - world.at(1.21).command[0];
            assert!(braked.abs() < 0.05, "{kind:?}: {braked}");
        }
    }
}

#[test]
fn a_program_that_is_paused_lets_go_and_does_not_jump() {
    for kind in KINDS {
        run(kind, &[], move |_, cell, hands| async move {
            cell.world().program_runs = Some(true);
            in_motion(&hands, &cell).await;
            cell.world().program_runs = Some(false);
            hands.wait(0.2).await;
            cell.expect("paused", "press play");
            let sent = cell.world().samples.last().unwrap().messages;
            hands.move_joint(0, HOME[0], 1.0);
            // Somebody guides the arm by hand.
            cell.world().q[0] -= 0.4;
            hands.wait(0.5).await;
            let stood = cell.world().q[0];
            assert_eq!(cell.world().samples.last().unwrap().messages, sent);
            cell.world().program_runs = Some(true);
            hands.wait(0.5).await;
            cell.expect("ready", "");
            assert!((cell.world().q[0] - stood).abs() < 1e-6, "no jump");
            hands.move_joint(0, HOME[0], 2.0);
            hands.wait(0.1).await;
            assert!((cell.world().q[0] - stood).abs() < 0.05, "from where it is");
            hands.wait(2.5).await;
            assert!((cell.world().q[0] - HOME[0]).abs() < 1e-3);
            Ok(())
        });
    }
}

#[test]
fn a_controller_that_does_not_listen_is_found_out() {
    for kind in KINDS {
        run(kind, &[], move |_, cell, hands| async move {
            hands.wait(0.5).await;
            cell.world().listens = false;
            hands.move_joint(0, HOME[0] + 1.0, 2.0);
            hands.wait(2.0).await;
            cell.expect("fault", "from its set point");
            assert!((cell.world().q[0] - HOME[0]).abs() < 1e-6);
            Ok(())
        });
    }
}

#[test]
fn contact_force_stops_the_arm() {
    for kind in KINDS {
        run(kind, &[("wrench", "wrench")], |_, cell, hands| async move {
            hands.wait(0.3).await;
            cell.expect("starting", "no force on wrench yet");
            cell.world().force_n = Some(5.0);
            in_motion(&hands, &cell).await;
            let force = cell.status().value("force_N").unwrap().to_owned();
            assert_eq!(force, "5.0");
            cell.world().force_n = Some(150.0);
            hands.wait(0.3).await;
            cell.expect("fault", "contact force");
            let stood = cell.world().q[0];
            hands.wait(0.5).await;
            assert!((cell.world().q[0] - stood).abs() < 1e-3);
            cell.world().force_n = None;
            hands.wait(0.5).await;
            let reset = hands.call("arm/reset").await;
            assert!(!reset.success && reset.message.contains("no force on wrench for"));
            Ok(())
        });
    }
}

#[test]
fn without_a_wrench_the_status_says_that_the_force_is_unknown() {
    run(Kind::Position, &[], |_, cell, hands| async move {
        hands.wait(0.5).await;
        assert_eq!(cell.status().value("force_N"), Some("unknown"));
        Ok(())
    });
}

#[test]
fn at_shutdown_the_arm_is_brought_to_rest() {
    for kind in KINDS {
        let world = run(kind, &[], move |_, cell, hands| async move {
            in_motion(&hands, &cell).await;
            Ok(())
        });
        // The script ends at 1.2 s and with it the graph; the robot runs until the node has ended.
        let end = world.samples.last().unwrap();
        assert!(end.time_s > 1.3 && end.time_s < 2.3, "{}", end.time_s);
        assert!(
            world.rests_from_s() < 1.45,
            "{kind:?}: {}",
            world.rests_from_s()
        );
        assert!((end.q[0] - end.command[0]).abs() < 2e-3, "{kind:?}");
        let (_, status) = world.status.last().unwrap();
        assert_eq!(status.message, "disconnected");
    }
}
