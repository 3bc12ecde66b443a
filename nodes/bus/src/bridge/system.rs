//! What the graph itself reads from outside: transforms and the clock.

use super::{Bridge, Reader};
use crate::{Clock, Qos, TfBuffer, TfError, Time, node::Shared};
use msgs::{Message, cdr, geometry_msgs::TransformStamped, rosgraph_msgs, tf2_msgs::TFMessage};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

impl Bridge {
    /// Has everybody's transforms come into the graph's buffer, and everybody's time into its clock if it follows one.
    pub(crate) fn listen_for_all(&self, shared: &Shared) {
        self.listen_for_transforms("/tf", Qos::reliable(100), &shared.tf, TfBuffer::insert);
        let fixed = Qos {
            depth: 100,
            ..Qos::latched()
        };
        self.listen_for_transforms("/tf_static", fixed, &shared.tf, TfBuffer::insert_static);
        if shared.clock.is_followed() {
            self.listen_for_time(&shared.clock);
        }
    }

    fn listen_for_transforms(
        &self,
        topic: &'static str,
        qos: Qos,
        buffer: &TfBuffer,
        insert: fn(&TfBuffer, &TransformStamped) -> Result<(), TfError>,
    ) {
        let buffer = buffer.clone();
        let complained = AtomicBool::new(false);
        self.listen(
            "",
            topic,
            TFMessage::TYPE_NAME,
            qos,
            Reader::Transforms,
            || {
                Arc::new(move |bytes| {
                    let trouble = match cdr::from_slice::<TFMessage>(bytes) {
                        Ok(message) => message
                            .transforms
                            .iter()
                            .filter_map(|transform| insert(&buffer, transform).err())
                            .map(|why| why.to_string())
                            .next(),
                        Err(why) => Some(why.to_string()),
                    };
                    // Said once: a publisher of bad transforms goes on at its rate.
                    if let Some(why) = trouble
                        && !complained.swap(true, Ordering::Relaxed)
                    {
                        tracing::warn!("{topic}: {why}");
                    }
                })
            },
        );
    }

    fn listen_for_time(&self, clock: &Clock) {
        let clock = clock.clone();
        let complained = AtomicBool::new(false);
        let qos = Qos {
            depth: 1,
            reliable: false,
            latched: false,
        };
        let type_name = rosgraph_msgs::Clock::TYPE_NAME;
        self.listen("", "/clock", type_name, qos, Reader::Clock, || {
            Arc::new(move |bytes| match cdr::from_slice::<rosgraph_msgs::Clock>(bytes) {
                Ok(message) => {
                    let time = Time::from(message.clock);
                    if time < clock.now() && !complained.swap(true, Ordering::Relaxed) {
                        tracing::warn!(
                            "/clock jumped back from {} to {time}: time stands still until it has caught up; launch \
                             again to begin anew",
                            clock.now()
                        );
                    }
                    clock.advance_to(time);
                }
                Err(why) => tracing::warn!("/clock: {why}"),
            })
        });
    }
}
