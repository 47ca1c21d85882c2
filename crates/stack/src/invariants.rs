//! What is true of a network between two calls; for tests.

use crate::demux::Owner;
use crate::memory::UNCHARGED;
use crate::network::Network;
use crate::socket::{Hold, Holder, Phase};

impl Network {
    /// Checks that the parts of the network agree with each other.
    ///
    /// # Panics
    /// If they do not: a mistake of this crate.
    pub fn assert_invariants(&self) {
        for (index, socket) in &self.sockets {
            let index = index as u32;
            self.assert_found(socket.host.0, socket.path().map(|path| path.tuple), &socket.phase, index);
            match &socket.phase {
                Phase::Listening(listener) => {
                    for embryo in &listener.syn_queue {
                        assert!(self.embryos.contains(*embryo as usize), "a handshake is in no slab");
                    }
                    for child in &listener.accept_queue {
                        let holder = self.sockets.get(*child as usize).map(|child| child.holder);
                        assert_eq!(holder, Some(Holder::Listener(index)), "a connection waits for another");
                    }
                    assert!(matches!(socket.hold, Hold::Bound), "a listener without a port");
                }
                Phase::Connecting(_) | Phase::Connected(_) => {
                    assert!(matches!(socket.hold, Hold::Connection(_)), "a connection without a port");
                }
                Phase::Idle | Phase::Over(_) => {
                    assert!(socket.holder != Holder::Nobody, "a socket was not freed");
                }
            }
        }
        for (index, embryo) in &self.embryos {
            let listener = self.sockets.get(embryo.listener as usize).map(|listener| &listener.phase);
            let Some(Phase::Listening(listener)) = listener else { panic!("a handshake without a listener") };
            assert!(listener.syn_queue.contains(&(index as u32)), "a handshake is not in its queue");
            let owner = self.hosts[embryo.host.0 as usize].demux.find(&embryo.path.tuple);
            assert_eq!(owner, Some(Owner::Embryo(index as u32)));
        }
        for (index, waiting) in &self.time_waits {
            let owner = self.hosts[waiting.host.0 as usize].demux.find(&waiting.path.tuple);
            assert_eq!(owner, Some(Owner::TimeWait(index as u32)));
            assert!(waiting.schedule.armed.is_some(), "TIME-WAIT without end");
        }
        let counted: usize = self.hosts.iter().map(|host| host.time_waits as usize).sum();
        assert_eq!(counted, self.time_waits.len(), "TIME-WAIT is counted");
        self.assert_charged();
    }

    /// What is charged is what there is.
    fn assert_charged(&self) {
        for (index, host) in self.hosts.iter().enumerate() {
            let (mut charged, mut sockets) = (0, 0);
            for (_, socket) in self.sockets.iter().filter(|(_, socket)| socket.host.0 as usize == index) {
                (charged, sockets) = (charged + socket.charged as u64, sockets + 1);
                let is_settled =
                    socket.schedule.is_owing || socket.charged.abs_diff(socket.held()) < UNCHARGED;
                assert!(is_settled, "{} are held, and {} charged", socket.held(), socket.charged);
            }
            assert_eq!((host.memory.held(), host.memory.sockets()), (charged, sockets), "{}", host.name);
        }
    }

    fn assert_found(&self, host: u32, tuple: Option<crate::demux::Tuple>, phase: &Phase, index: u32) {
        let Some(tuple) = tuple else { return };
        let owner = self.hosts[host as usize].demux.find(&tuple);
        let is_open = matches!(phase, Phase::Connecting(_) | Phase::Connected(_));
        assert_eq!(owner == Some(Owner::Socket(index)), is_open, "{tuple:?} leads to {owner:?}");
    }
}
