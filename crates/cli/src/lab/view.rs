//! What netstat shows of the experiment's connection, over Sockeye or over the kernel.

use crate::failure::Failure;
use sockeye_host::Net;
use std::process::Command;

/// The port of the experiment's server.
pub(super) const PORT: u16 = 8002;

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) local_port: u16,
    pub(super) foreign_port: u16,
    /// As netstat names it.
    pub(super) state: String,
    pub(super) recv_queue: usize,
    pub(super) send_queue: usize,
}

/// Both ends at one moment; an end that is gone has no row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) listens: bool,
    pub(super) server: Option<Row>,
    pub(super) client: Option<Row>,
}

impl Sample {
    fn of(rows: Vec<Row>) -> Self {
        let mut sample = Self::default();
        for row in rows {
            if row.local_port == PORT && row.state == "LISTEN" {
                sample.listens = true;
            } else if row.local_port == PORT {
                sample.server = Some(row);
            } else if row.foreign_port == PORT {
                sample.client = Some(row);
            }
        }
        sample
    }

    pub(super) fn server_is(&self, state: &str) -> bool {
        self.server.as_ref().is_some_and(|row| row.state == state)
    }

    pub(super) fn client_is(&self, state: &str) -> bool {
        self.client.as_ref().is_some_and(|row| row.state == state)
    }

    /// Recv-Q of the server; 0 if it is gone.
    pub(super) fn recv_queue(&self) -> usize {
        self.server.as_ref().map_or(0, |row| row.recv_queue)
    }

    /// Send-Q of the client; 0 if it is gone.
    pub(super) fn send_queue(&self) -> usize {
        self.client.as_ref().map_or(0, |row| row.send_queue)
    }
}

/// Who carries the connection.
pub(super) enum View {
    Sockeye(Net),
    Kernel,
}

impl View {
    pub(super) fn sample(&self) -> Result<Sample, Failure> {
        let rows = match self {
            Self::Sockeye(net) => {
                let sockets =
                    net.sockets(true).map_err(|error| Failure::failed(format!("netstat: {error}")))?;
                let row = |socket: sockeye_stack::SocketInfo| Row {
                    local_port: socket.local.port(),
                    foreign_port: socket.foreign.port(),
                    state: socket.state,
                    recv_queue: socket.recv_queue,
                    send_queue: socket.send_queue,
                };
                sockets.into_iter().map(|(_, socket)| row(socket)).collect()
            }
            Self::Kernel => kernel_rows()?,
        };
        Ok(Sample::of(rows))
    }
}

/// What `ss` shows: the kernel's TCP sockets.
pub(super) fn kernel_rows() -> Result<Vec<Row>, Failure> {
    let output = Command::new("ss").arg("-tanH").output().map_err(|error| {
        Failure::usage(format!("cannot run ss, which shows the kernel's sockets: {error}; install iproute2"))
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(row_of_ss).collect())
}

/// `State Recv-Q Send-Q Local:Port Peer:Port`.
fn row_of_ss(line: &str) -> Option<Row> {
    let mut words = line.split_whitespace();
    let state = match words.next()? {
        "ESTAB" => "ESTABLISHED".to_owned(),
        "FIN-WAIT-1" => "FIN_WAIT1".to_owned(),
        "FIN-WAIT-2" => "FIN_WAIT2".to_owned(),
        state => state.replace('-', "_"),
    };
    let recv_queue = words.next()?.parse().ok()?;
    let send_queue = words.next()?.parse().ok()?;
    let mut port = || words.next()?.rsplit_once(':').map(|(_, port)| port.parse().unwrap_or(0));
    Some(Row { state, recv_queue, send_queue, local_port: port()?, foreign_port: port()? })
}

#[cfg(test)]
mod tests;
