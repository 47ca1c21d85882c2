use super::*;
use crate::{LinkConfig, PointToPoint};
use pcap_file::pcapng::{Block, PcapNgReader};

/// A file in memory that outlives the capture that writes it.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk with room for some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The little-endian or big-endian blocks of a file: type and body.
fn blocks(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let word = |at: &[u8]| u32::from_ne_bytes([at[0], at[1], at[2], at[3]]);
    let mut blocks = vec![];
    while !bytes.is_empty() {
        let len = word(&bytes[4..]) as usize;
        assert!(len.is_multiple_of(4));
        assert_eq!(word(&bytes[len - 4..]) as usize, len, "a block ends with its length");
        blocks.push((word(bytes), &bytes[8..len - 4]));
        bytes = &bytes[len..];
    }
    blocks
}

#[test]
fn the_file_is_laid_out_as_the_format_says() {
    let memory = Memory::default();
    let capture = Capture::new(memory.clone(), Duration::from_secs(1)).unwrap();
    let interface = capture.add_interface("a to b").unwrap();
    capture.record(interface, Instant::from_nanos(5), b"hello");
    capture.flush().unwrap();
    let bytes = memory.bytes();
    let blocks = blocks(&bytes);
    let kinds: Vec<u32> = blocks.iter().map(|&(kind, _)| kind).collect();
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 6], "section header, interface description, enhanced packet");
    assert_eq!(blocks[0].1[..4], 0x1a2b_3c4d_u32.to_ne_bytes());
    assert_eq!(blocks[1].1[..2], 101_u16.to_ne_bytes(), "LINKTYPE_RAW");
    let words: Vec<u32> =
        blocks[2].1.as_chunks::<4>().0[..5].iter().map(|word| u32::from_ne_bytes(*word)).collect();
    assert_eq!(words, [0, 0, 1_000_000_005, 5, 5], "interface, timestamp, captured and original length");
    assert_eq!(&blocks[2].1[20..28], b"hello\0\0\0");
}

#[test]
fn a_tee_records_what_is_transmitted_and_changes_nothing() {
    let memory = Memory::default();
    let capture = Capture::new(memory.clone(), Duration::ZERO).unwrap();
    let there = capture.add_interface("there").unwrap();
    let back = capture.add_interface("back").unwrap();
    let config = LinkConfig { delay: Duration::from_millis(3), loss: 0.5, mtu: 600, ..LinkConfig::default() };
    let mut plain = PointToPoint::new(config.clone());
    let mut tees = [there, back]
        .map(|interface| Tee::new(PointToPoint::new(config.clone()), capture.clone(), interface));
    for i in 0..20_u8 {
        let now = Instant::from_millis(u64::from(i));
        plain.transmit(now, vec![i; 40]);
        tees.iter_mut().for_each(|tee| tee.transmit(now, vec![i; 40]));
    }
    for tee in &mut tees {
        assert_eq!(tee.mtu(), 600);
        assert_eq!(tee.poll_timeout(), plain.poll_timeout());
        assert_eq!(tee.link().counters(), plain.counters());
    }
    let later = Instant::from_millis(100);
    while let Some(packet) = plain.poll_receive(later) {
        tees.iter_mut().for_each(|tee| assert_eq!(tee.poll_receive(later).as_ref(), Some(&packet)));
    }
    capture.flush().unwrap();
    let bytes = memory.bytes();
    let mut reader = PcapNgReader::new(&bytes[..]).unwrap();
    let mut recorded = vec![];
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap() {
            recorded.push((packet.interface_id, packet.timestamp, packet.data.into_owned()));
        }
    }
    let expected: Vec<_> = (0..20_u8)
        .flat_map(|i| [0, 1].map(|interface| (interface, Duration::from_millis(u64::from(i)), vec![i; 40])))
        .collect();
    assert_eq!(recorded, expected, "also those that were lost");
    let names: Vec<_> = reader.interfaces().iter().map(|interface| interface.options.clone()).collect();
    assert!(names[1].contains(&InterfaceDescriptionOption::IfName(Cow::Borrowed("back"))), "{names:?}");
    assert!(names[1].contains(&InterfaceDescriptionOption::IfTsResol(9)), "{names:?}");
}

#[test]
fn a_full_disk_ends_the_recording_but_not_the_link() {
    let capture = Capture::new(Full(200), Duration::ZERO).unwrap();
    let interface = capture.add_interface("x").unwrap();
    let mut tee = Tee::new(PointToPoint::new(LinkConfig::default()), capture.clone(), interface);
    capture.flush().unwrap();
    (0..10).for_each(|_| tee.transmit(Instant::ZERO, vec![0; 100]));
    assert_eq!(tee.link().in_flight(), 10);
    assert_eq!(capture.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(Capture::new(Full(3), Duration::ZERO).unwrap_err().kind(), io::ErrorKind::StorageFull);
}
