use crate::cell::{HOME, Kind, run};

#[test]
fn deactivated_it_rests_and_refuses_and_goes_on_from_where_the_arm_is() {
    for kind in [Kind::Position, Kind::OpenLoop, Kind::ClosedLoop] {
        run(kind, &[], move |_, cell, hands| async move {
            hands.wait(0.5).await;
            hands.move_joint(0, HOME[0] + 1.0, 2.0);
            hands.wait(0.7).await;
            assert!(hands.lead("deactivate").await);
            let stood = cell.world().q[0];
            assert!(stood > HOME[0] + 0.1, "it was in motion");
            hands.move_joint(0, HOME[0], 1.0);
            hands.wait(0.5).await;
            cell.expect("inactive", "activate it");
            assert!((cell.world().q[0] - stood).abs() < 2e-3, "{kind:?}");
            let refusal = cell.status().value("last_refusal").unwrap().to_owned();
            assert!(refusal.contains("the arm is inactive"), "{refusal}");
            let sent = cell.world().samples.last().unwrap().messages;
            assert!(!hands.call("arm/reset").await.success);
            assert!(hands.lead("activate").await);
            hands.wait(0.5).await;
            cell.expect("ready", "");
            assert_eq!(cell.world().samples.last().unwrap().messages, sent);
            hands.move_joint(0, HOME[0], 1.0);
            hands.wait(2.0).await;
            assert!((cell.world().q[0] - HOME[0]).abs() < 2e-3);
            Ok(())
        });
    }
}

#[test]
fn a_stop_outlives_deactivation_and_a_node_may_wait_to_be_activated() {
    run(
        Kind::Position,
        &[("autostart", "false")],
        |_, cell, hands| async move {
            hands.wait(0.5).await;
            cell.expect("inactive", "unconfigured");
            assert!(hands.lead("configure").await);
            assert!(hands.lead("activate").await);
            hands.wait(0.5).await;
            cell.expect("ready", "");
            assert!(hands.call("arm/stop").await.success);
            hands.wait(0.5).await;
            assert!(hands.lead("deactivate").await);
            assert!(hands.lead("activate").await);
            hands.wait(0.5).await;
            cell.expect("stopped", "on request");
            assert!(hands.call("arm/reset").await.success);
            Ok(())
        },
    );
}
