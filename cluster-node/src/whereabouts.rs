//! Where this node is, as others reach it: soft state, that changes when the LAN is renumbered.

use tokio::sync::watch;

/// The two addresses of this node. Cheap to clone; always says how it is now.
#[derive(Clone)]
pub struct Whereabouts {
    host: watch::Receiver<String>,
    control_port: u16,
    data_port: u16,
}

impl Whereabouts {
    /// Ports that stay, on a host that may change.
    pub fn new(host: watch::Receiver<String>, control_port: u16, data_port: u16) -> Self {
        Whereabouts { host, control_port, data_port }
    }

    /// Where it takes gRPC calls, `host:port`.
    pub fn control(&self) -> String {
        self.at(self.control_port)
    }

    /// Where it takes and gives the bytes of files, `host:port`.
    pub fn data(&self) -> String {
        self.at(self.data_port)
    }

    fn at(&self, port: u16) -> String {
        let host = self.host.borrow().clone();
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}
