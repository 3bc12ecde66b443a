//! Servers and clients.

use crate::{Outcome, run_node};
use bus::{BusError, Graph, GraphConfig, NodeSpec, ServiceError};
use msgs::std_srvs::{SetBool, SetBoolRequest, Trigger, TriggerRequest, TriggerResponse};
use std::time::Duration;

#[test]
fn a_call_is_answered() {
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(NodeSpec::new("server"), |node| async move {
            let mut server = node.serve::<Trigger>("~/start")?;
            while let Some(call) = server.next().await {
                node.clock().sleep(Duration::from_secs(2)).await;
                call.respond(TriggerResponse::done("started"));
            }
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("client").ends_graph(), |node| async move {
            let client = node.client::<Trigger>("server/start")?;
            client.wait_for_server().await;
            let (a, b) = tokio::join!(
                client.call(TriggerRequest {}),
                client.call(TriggerRequest {})
            );
            assert_eq!((a?.message.as_str(), b?.success), ("started", true));
            assert_eq!(node.now().as_secs_f64(), 4.0);
            Outcome::Ok(())
        })
        .unwrap();
    graph.run_lockstep(None).unwrap();
}

#[test]
fn nobody_to_call_is_an_error_that_names_what_is_close() {
    run_node(|node| async move {
        let _server = node.serve::<Trigger>("policy/start")?;
        let error = node
            .client::<Trigger>("policy/strat")?
            .call(TriggerRequest {})
            .await
            .unwrap_err();
        assert!(matches!(error, ServiceError::NoServer { .. }));
        assert!(
            error.to_string().contains("did you mean /policy/start?"),
            "{error}"
        );
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_server_that_goes_away_is_an_error() {
    run_node(|node| async move {
        let mut server = node.serve::<Trigger>("start")?;
        let client = node.client::<Trigger>("start")?;
        let serve_badly = async {
            let call = server.next().await;
            drop(call);
        };
        let (answer, ()) = tokio::join!(client.call(TriggerRequest {}), serve_badly);
        assert!(matches!(answer, Err(ServiceError::ServerGone { .. })));
        let vanish = async {
            node.clock().sleep(Duration::from_millis(1)).await;
            drop(server);
        };
        let (answer, ()) = tokio::join!(client.call(TriggerRequest {}), vanish);
        assert!(matches!(answer, Err(ServiceError::ServerGone { .. })));
        assert!(!client.is_served());
        let again = node.serve::<Trigger>("start");
        assert!(again.is_ok(), "the name is free again");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_service_has_one_server_and_one_type() {
    run_node(|node| async move {
        let _server = node.serve::<Trigger>("start")?;
        let taken = node.serve::<Trigger>("start").unwrap_err();
        assert!(matches!(&taken, BusError::ServiceTaken { owner, .. } if owner == "/tester"));
        let wrong = node
            .client::<SetBool>("start")?
            .call(SetBoolRequest { data: true })
            .await
            .unwrap_err();
        let text = wrong.to_string();
        assert!(
            text.contains("std_srvs/srv/Trigger") && text.contains("std_srvs/srv/SetBool"),
            "{text}"
        );
        Ok(())
    })
    .unwrap();
}
