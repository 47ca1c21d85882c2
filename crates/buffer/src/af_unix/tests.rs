//! The model does what the kernel does.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::LazyLock;

use super::{Edges, Pair, Polled, Side};
use proptest::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send, shutdown, socketpair,
    sockopt,
};

#[path = "raw.rs"]
mod raw;

/// Of the sends that are tried: fewer than go into two buffers.
const LONGEST: usize = 1500;
const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(Side, usize),
    Recv(Side, usize),
    Shut(Side),
    Close(Side),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let side = prop_oneof![Just(Side::Program), Just(Side::Engine)];
    let len = || prop_oneof![4 => Just(1_usize), 2 => 1..80_usize, 1 => 1..LONGEST];
    let step = (side, len(), len(), 0..40).prop_map(|(side, send, recv, which)| match which {
        0..=20 => Step::Send(side, send),
        21..=37 => Step::Recv(side, recv),
        38 => Step::Shut(side),
        _ => Step::Close(side),
    });
    proptest::collection::vec(step, 1..60)
}

/// An end of the kernel's, with an epoll set for EPOLLIN and one for EPOLLOUT, both with EPOLLET.
struct End {
    socket: OwnedFd,
    sets: [OwnedFd; 2],
}

impl End {
    fn new(socket: OwnedFd) -> Self {
        let set = |flags| {
            let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
            epoll::add(&set, &socket, epoll::EventData::new_u64(0), flags | epoll::EventFlags::ET).unwrap();
            set
        };
        let sets = [set(epoll::EventFlags::IN), set(epoll::EventFlags::OUT)];
        Self { socket, sets }
    }

    fn poll(&self) -> Polled {
        let mut polled = [PollFd::new(&self.socket, PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP)];
        poll(&mut polled, Some(&NOW)).unwrap();
        let has = |flag| polled[0].revents().contains(flag);
        Polled {
            readable: has(PollFlags::IN),
            writable: has(PollFlags::OUT),
            peer_closed: has(PollFlags::RDHUP),
            hang_up: has(PollFlags::HUP),
            error: has(PollFlags::ERR),
        }
    }

    fn take_edges(&self) -> Edges {
        let [readable, writable] = [0, 1].map(|index| {
            let mut events = Vec::with_capacity(1);
            let wanted = [epoll::EventFlags::IN, epoll::EventFlags::OUT][index];
            epoll::wait(&self.sets[index], rustix::buffer::spare_capacity(&mut events), Some(&NOW)).unwrap();
            events.iter().any(|event: &epoll::Event| { event.flags }.contains(wanted))
        });
        Edges { readable, writable }
    }

    fn held(&self) -> usize {
        usize::try_from(rustix::io::ioctl_fionread(&self.socket).unwrap()).unwrap()
    }

    fn send(&self, len: usize) -> bool {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        send(&self.socket, &[0; LONGEST][..len], flags).is_ok_and(|sent| sent == len)
    }

    fn recv(&self, most: usize) -> usize {
        recv(&self.socket, &mut [0; LONGEST][..most], RecvFlags::DONTWAIT).map_or(0, |(_, taken)| taken)
    }
}

/// Both ends, with this SO_SNDBUF, and what the kernel makes of it.
fn pair(send_buffer: usize) -> ([End; 2], usize) {
    let (program, engine) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    for socket in [&program, &engine] {
        sockopt::set_socket_send_buffer_size(socket, send_buffer).unwrap();
    }
    let in_force = sockopt::socket_send_buffer_size(&program).unwrap();
    ([program, engine].map(End::new), in_force)
}

/// What this kernel charges for a buffer of each length.
static CHARGES: LazyLock<HashMap<usize, usize>> = LazyLock::new(|| {
    let ([program, engine], _) = pair(1 << 16);
    let charge = |len| {
        assert!(program.send(len));
        let charged = raw::charged(&program.socket);
        engine.recv(len);
        (len, charged)
    };
    (1..=LONGEST).map(charge).collect()
});

/// The kernel's pair, while its ends are open, and the model's.
struct Both {
    kernel: [Option<End>; 2],
    model: Pair,
}

impl Both {
    fn new(send_buffer: usize) -> Self {
        let (kernel, in_force) = pair(send_buffer);
        kernel.iter().for_each(|end| _ = end.take_edges());
        Self { kernel: kernel.map(Some), model: Pair::new(in_force, in_force) }
    }

    /// What the step gave, of the kernel and of the model.
    fn take(&mut self, step: Step) -> (usize, usize) {
        let (Step::Send(side, _) | Step::Recv(side, _) | Step::Shut(side) | Step::Close(side)) = step;
        let Some(end) = &self.kernel[side as usize] else { return (0, 0) };
        match step {
            Step::Send(_, len) => (end.send(len).into(), self.model.send(side, len, CHARGES[&len]).into()),
            Step::Recv(_, most) => (end.recv(most), self.model.recv(side, most)),
            Step::Shut(_) => {
                // It fails if the other end is closed.
                let _ = shutdown(&end.socket, Shutdown::Write);
                self.model.shut(side);
                (0, 0)
            }
            Step::Close(_) => {
                self.kernel[side as usize] = None;
                self.model.close(side);
                (0, 0)
            }
        }
    }
}

fn check(steps: &[Step], send_buffer: usize) -> Result<(), TestCaseError> {
    let mut both = Both::new(send_buffer);
    for (at, &step) in steps.iter().enumerate() {
        let (kernel, model) = both.take(step);
        prop_assert_eq!(kernel, model, "step {}: {:?}", at, step);
        for side in [Side::Program, Side::Engine] {
            let Some(end) = &both.kernel[side as usize] else { continue };
            prop_assert_eq!(end.held(), both.model.held(side), "step {}: held by {:?}", at, side);
            prop_assert_eq!(raw::charged(&end.socket), both.model.charged(side), "step {}: {:?}", at, side);
            prop_assert_eq!(end.poll(), both.model.poll(side), "step {}: {:?}", at, side);
            // Not after each step: what happened since the last look counts, if it is still so.
            if at % 3 == 0 {
                prop_assert_eq!(end.take_edges(), both.model.take_edges(side), "step {}: {:?}", at, side);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_model_does_what_the_kernel_does(steps in steps(), send_buffer in 2304..9000_usize) {
        check(&steps, send_buffer)?;
    }

    #[test]
    fn the_model_does_what_the_kernel_does_with_a_token_s_buffer(steps in steps()) {
        check(&steps, crate::token::SEND_BUFFER)?;
    }
}

/// What the models of the protocol take for granted: this kernel's charge is among theirs, and one byte's does not depend on the last.
#[test]
fn a_byte_is_charged_as_the_protocol_expects() {
    assert!((512..=1280).contains(&CHARGES[&1]), "a byte is charged with {}", CHARGES[&1]);
}
