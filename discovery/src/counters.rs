//! What happened how often.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counts {
    ($($variant:ident $name:literal $help:literal,)*) => {
        /// Something that is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Count {
            $(#[doc = $help] $variant,)*
        }

        const TABLE: &[(&str, &str)] = &[$(($name, $help),)*];
    };
}

counts! {
    Sent "sent" "Requests and censuses broadcast.",
    SendFailed "send_failed" "Datagrams that the kernel did not take.",
    Received "received" "Datagrams received.",
    ReceiveFailed "receive_failed" "Errors while receiving.",
    Heard "heard" "Good requests heard without a queue server to tell of.",
    Answered "answered" "Requests answered.",
    Answers "answers" "Good answers of queue servers.",
    Confirmed "confirmed" "Queue servers that confirmed themselves.",
    Census "census" "Censuses answered.",
    Foreign "foreign" "Queue servers of other clusters that answered a census.",
    Own "own" "Ignored: sent by this process.",
    BadMac "bad_mac" "Ignored: proof of another token, or changed on the way.",
    Malformed "malformed" "Ignored: none of the layouts.",
    Replayed "replayed" "Ignored: a nonce that was seen before.",
    OffLink "off_link" "Ignored: from outside the subnet of the interface.",
    Limited "limited" "Ignored: its source was answered within the last second.",
    Late "late" "Ignored: answer or confirmation of nothing that was asked lately.",
    Full "full" "Ignored: a queue server more than are remembered.",
}

/// All counts. Cheap: relaxed atomics.
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; TABLE.len()]);

impl Counters {
    /// How often.
    pub fn get(&self, count: Count) -> u64 {
        self.0[count as usize].load(Relaxed)
    }

    /// Once more.
    pub(crate) fn add(&self, count: Count) {
        self.0[count as usize].fetch_add(1, Relaxed);
    }

    /// Prometheus text: `gossamer_discovery_sent_total 5` and so on.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for ((name, help), value) in TABLE.iter().zip(&self.0) {
            let name = format!("gossamer_discovery_{name}_total");
            let value = value.load(Relaxed);
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        text
    }
}
