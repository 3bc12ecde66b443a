use robot::ur5;

use crate::cell::{CYCLE_S, HOME, Kind, run};

#[test]
fn speed_and_acceleration_keep_to_the_limits() {
    for kind in [Kind::Position, Kind::OpenLoop] {
        let world = run(kind, &[], move |_, cell, hands| async move {
            hands.wait(0.5).await;
            hands.move_joint(0, HOME[0] + 0.8, 0.1);
            hands.wait(0.05).await;
            assert!(cell.status().message == "ready");
            for _ in 0..8 {
                hands.move_joint(0, HOME[0] + 0.8, 0.1);
                hands.wait(0.15).await;
            }
            hands.wait(0.5).await;
            Ok(())
        });
        let step = world.largest_step();
        assert!(step <= 0.0085 * 1.2 + 1e-9, "{kind:?}: {step}");
        let (_, last) = world.status.last().unwrap();
        let count: u64 = last.value("limited_velocity").unwrap().parse().unwrap();
        assert!(count > 0);
        if kind == Kind::Position {
            for three in world.samples.windows(3) {
                let [a, b, c] = [0, 1, 2].map(|at| three[at].command[0]);
                let change = (c - 2.0 * b + a).abs();
                assert!(change <= 13.0 * CYCLE_S * CYCLE_S + 1e-9, "{change}");
            }
            assert!(step <= 1.05 * CYCLE_S + 1e-9, "{step}");
        }
    }
}

#[test]
fn the_tool_stays_in_its_workspace() {
    for kind in [Kind::Position, Kind::OpenLoop, Kind::ClosedLoop] {
        let world = run(kind, &[], |_, _, hands| async move {
            hands.wait(0.5).await;
            // Through the table.
            hands.move_joint(1, HOME[1] + 1.2, 3.0);
            hands.wait(4.0).await;
            Ok(())
        });
        let lowest = world
            .samples
            .iter()
            .map(|sample| ur5::forward(&sample.q).translation.z);
        let lowest = lowest.fold(f64::INFINITY, f64::min);
        assert!(lowest > 0.045, "{kind:?}: {lowest}");
        let start = ur5::forward(&HOME).translation.z;
        assert!(lowest < start - 0.05, "{kind:?}: it went down at all");
        let (_, status) = world.status.last().unwrap();
        let count: u64 = status.value("limited_workspace").unwrap().parse().unwrap();
        assert!(count > 0);
    }
}

#[test]
fn commands_of_other_joints_or_without_sense_are_refused() {
    let world = run(Kind::Position, &[], |_, cell, hands| async move {
        hands.wait(0.5).await;
        hands.move_joint(0, f64::NAN, 1.0);
        hands.wait(0.3).await;
        let refusal = cell.status().value("last_refusal").unwrap().to_owned();
        assert!(refusal.contains("finite"), "{refusal}");
        Ok(())
    });
    assert_eq!(world.samples.last().unwrap().messages, 0);
}
