use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, open};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::{Slot, Text};

const SIZE: usize = 1 << 18;

/// The ways that a pipe may be made.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    Packets,
    Named,
    /// One descriptor for both ends.
    Both,
}

const KINDS: [Kind; 4] = [Kind::Plain, Kind::Packets, Kind::Named, Kind::Both];

/// A pipe whose ends wait: where to read from, and where to write to.
fn new(kind: Kind) -> (OwnedFd, OwnedFd) {
    match kind {
        Kind::Plain => pipe_with(PipeFlags::CLOEXEC).unwrap(),
        Kind::Packets => pipe_with(PipeFlags::CLOEXEC | PipeFlags::DIRECT).unwrap(),
        Kind::Named | Kind::Both => {
            let path =
                std::env::temp_dir().join(format!("sockeye-pipe-{kind:?}-{:?}", std::thread::current().id()));
            let path = path.with_extension(std::process::id().to_string());
            rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            let end = |flags: OFlags| open(&path, flags | OFlags::CLOEXEC, Mode::empty()).unwrap();
            let both = end(OFlags::RDWR);
            let ends = match kind {
                Kind::Both => (both.try_clone().unwrap(), both),
                Kind::Plain | Kind::Packets | Kind::Named => (end(OFlags::RDONLY), end(OFlags::WRONLY)),
            };
            std::fs::remove_file(&path).unwrap();
            ends
        }
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

#[test]
fn pipes_are_read_into_the_ring_without_waiting() {
    for kind in KINDS {
        let slot = Slot::on_heap(4096, 4096);
        let (mut sendq, _recvq) = slot.open(4096, 4096);
        let writer = slot.writer();
        assert_eq!(writer.write(&[0; 3000]), 3000);
        sendq.refresh();
        sendq.release(3000);
        let (output, input) = new(kind);
        assert_eq!(writer.write_from_pipe(output.as_fd(), 100), Err(Errno::AGAIN), "{kind:?}");
        let bytes = pattern(5000);
        for part in bytes.chunks(1700) {
            assert_eq!(rustix::io::write(&input, part), Ok(part.len()));
        }
        // It wraps after 1096 bytes.
        assert_eq!(writer.write_from_pipe(output.as_fd(), 1000), Ok(1000), "{kind:?}");
        assert_eq!(writer.write_from_pipe(output.as_fd(), usize::MAX), Ok(3096), "{kind:?}: no more fits");
        assert_eq!(writer.write_from_pipe(output.as_fd(), usize::MAX), Ok(0), "{kind:?}: no room");
        sendq.refresh();
        let mut seen = [0; 4096];
        assert_eq!(sendq.text(0, 4096).copy_to(&mut seen), 4096);
        assert_eq!(seen[..], bytes[..4096], "{kind:?}");
        sendq.release(4096);
        assert_eq!(writer.write_from_pipe(output.as_fd(), usize::MAX), Ok(904), "{kind:?}: nothing was lost");
        if !matches!(kind, Kind::Both) {
            drop(input);
            assert_eq!(writer.write_from_pipe(output.as_fd(), usize::MAX), Ok(0), "{kind:?}: the end");
        }
        sendq.refresh();
        assert_eq!(sendq.text(0, 4096).copy_to(&mut seen), 904);
        assert_eq!(seen[..904], bytes[4096..], "{kind:?}");
    }
}

#[test]
fn the_ring_is_written_to_pipes_without_waiting() {
    for kind in KINDS {
        let slot = Slot::on_heap(SIZE, SIZE);
        let (_sendq, mut recvq) = slot.open(SIZE, SIZE);
        let reader = slot.reader();
        assert_eq!(recvq.place(0, &Text::from(&[0; SIZE / 2 + 100][..])), SIZE / 2 + 100);
        assert_eq!(recvq.place(0, &Text::from(&[1][..])), 1);
        reader.consume(SIZE / 2 + 100);
        recvq.refresh();
        let bytes = pattern(SIZE - 1);
        assert_eq!(recvq.place(0, &Text::from(&bytes[..])), SIZE - 1);
        let (output, input) = new(kind);
        assert_eq!(reader.peek_to_pipe(input.as_fd(), 1), Ok(1), "{kind:?}");
        reader.consume(1);
        let mut output = File::from(output);
        let mut seen = vec![0; SIZE];
        assert_eq!(output.read(&mut seen).unwrap(), 1);
        assert_eq!(seen[0], 1, "{kind:?}");
        let mut done = 0;
        while done < bytes.len() {
            let taken = reader.peek_to_pipe(input.as_fd(), usize::MAX).unwrap();
            assert!((1..bytes.len()).contains(&taken), "{kind:?}: a pipe is smaller");
            reader.consume(taken);
            let full = reader.peek_to_pipe(input.as_fd(), usize::MAX);
            assert!(
                full == Err(Errno::AGAIN) || taken == bytes.len() - done,
                "{kind:?}: {full:?} after {taken}"
            );
            // Not in pieces, also if writes to the pipe are.
            let mut first = [0; 10];
            output.read_exact(&mut first).unwrap();
            seen[done..done + 10].copy_from_slice(&first);
            output.read_exact(&mut seen[done + 10..done + taken]).unwrap();
            done += taken;
        }
        assert_eq!(seen[..done], bytes, "{kind:?}");
        assert_eq!(reader.peek_to_pipe(input.as_fd(), usize::MAX), Ok(0), "{kind:?}: there is nothing");
    }
}
