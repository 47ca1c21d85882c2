//! The instructions of another process: what they do, and breakpoints at them.

use iced_x86::{
    Code as Instruction, Decoder, DecoderOptions, InstructionInfoFactory, OpAccess, Register, UsedMemory,
};
use nix::libc::user_regs_struct;
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::io::IoSliceMut;
use std::ops::Range;
use std::rc::Rc;

/// Bytes of the longest instruction.
const LONGEST: usize = 15;
/// Bytes of the head of a thread's list of robust locks.
const ROBUST_HEAD: u64 = 24;
/// int3.
const BREAKPOINT: u8 = 0xcc;

/// An instruction of a file, wherever it is mapped: the file, and where in it.
pub type Stop = (String, u64);

/// The effect of an instruction.
#[derive(Debug)]
pub enum Effect {
    SystemCall,
    /// Of what is written and read.
    Memory(Vec<Operand>),
    /// The same, again and again: a copy, of which each turn is an instruction.
    Repeated(Vec<Operand>),
}

/// A place in memory that an instruction uses.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    pub access: Access,
    place: UsedMemory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

impl Operand {
    pub fn address(&self, registers: &user_regs_struct) -> Option<u64> {
        self.place.virtual_address(0, |register, _, _| value(register, registers))
    }
}

/// The instructions of a process, as far as they are known.
#[derive(Debug)]
pub struct Code {
    process: Pid,
    robust_head: Option<u64>,
    shared: Vec<Range<u64>>,
    files: Vec<Mapped>,
    known: HashMap<u64, Rc<Effect>>,
    stops: HashSet<u64>,
    breakpoints: HashMap<u64, u8>,
}

#[derive(Debug)]
struct Mapped {
    range: Range<u64>,
    offset: u64,
    file: String,
}

impl Code {
    pub fn new(process: Pid, robust_head: Option<u64>) -> Self {
        Self {
            process,
            robust_head,
            shared: Vec::new(),
            files: Vec::new(),
            known: HashMap::new(),
            stops: HashSet::new(),
            breakpoints: HashMap::new(),
        }
    }

    /// What is mapped, and how.
    pub fn look_at_maps(&mut self) {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.process)).expect("it lives");
        self.shared.clear();
        self.files.clear();
        for line in maps.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |text: &str| u64::from_str_radix(text, 16).expect("hexadecimal");
            let (start, end) = words[0].split_once('-').expect("a range");
            let range = number(start)..number(end);
            if words[1].ends_with('s') {
                self.shared.push(range);
            } else if let (true, Some(file)) = (words[1].contains('x'), words.get(5)) {
                self.files.push(Mapped { range, offset: number(words[2]), file: (*file).to_string() });
            }
        }
    }

    pub fn is_shared(&self, address: u64) -> bool {
        self.shared.iter().any(|range| range.contains(&address))
    }

    /// Whether it is shared, or the kernel looks at it when the thread ends.
    pub fn is_watched(&self, address: u64) -> bool {
        let is_robust = |head: u64| (head..head + ROBUST_HEAD).contains(&address);
        self.is_shared(address) || self.robust_head.is_some_and(is_robust)
    }

    pub fn effect_at(&mut self, address: u64) -> Rc<Effect> {
        let process = self.process;
        self.known.entry(address).or_insert_with(|| Rc::new(decode(process, address))).clone()
    }

    pub fn note_stop(&mut self, address: u64) {
        self.stops.insert(address);
    }

    pub fn stops(&self) -> HashSet<Stop> {
        self.stops.iter().filter_map(|address| self.stop(*address)).collect()
    }

    /// As the stop of a file, for people.
    pub fn name(&self, address: u64) -> String {
        let name =
            |(file, offset): Stop| format!("{}+{offset:#x}", file.rsplit('/').next().unwrap_or_default());
        self.stop(address).map_or_else(|| format!("{address:#x}"), name)
    }

    fn stop(&self, address: u64) -> Option<Stop> {
        let mapped = self.files.iter().find(|mapped| mapped.range.contains(&address))?;
        Some((mapped.file.clone(), address - mapped.range.start + mapped.offset))
    }

    /// Sets breakpoints at instructions.
    pub fn set_breakpoints(&mut self, stops: &HashSet<Stop>) {
        for (file, offset) in stops {
            let place = self.files.iter().find_map(|mapped| {
                let address = offset.checked_sub(mapped.offset)?.checked_add(mapped.range.start)?;
                (mapped.file == *file && mapped.range.contains(&address)).then_some(address)
            });
            if let Some(address) = place {
                // While its bytes are there.
                self.effect_at(address);
                self.set_breakpoint(address);
            }
        }
    }

    pub fn has_breakpoints(&self) -> bool {
        !self.breakpoints.is_empty()
    }

    pub fn is_breakpoint(&self, address: u64) -> bool {
        self.breakpoints.contains_key(&address)
    }

    pub fn set_breakpoint(&mut self, address: u64) {
        let byte = self.replace_byte(address, BREAKPOINT);
        self.breakpoints.insert(address, byte);
    }

    /// Takes a breakpoint away for once. Whether there is one.
    pub fn lift(&mut self, address: u64) -> bool {
        let Some(&byte) = self.breakpoints.get(&address) else { return false };
        self.replace_byte(address, byte);
        true
    }

    /// Takes all away, and returns where they were.
    pub fn remove_breakpoints(&mut self) -> Vec<u64> {
        let breakpoints = std::mem::take(&mut self.breakpoints);
        for (address, byte) in &breakpoints {
            self.replace_byte(*address, *byte);
        }
        breakpoints.into_keys().collect()
    }

    /// Returns what was there.
    fn replace_byte(&self, address: u64, byte: u8) -> u8 {
        let place = address as usize as *mut c_void;
        let mut bytes = ptrace::read(self.process, place).expect("its code").to_ne_bytes();
        let old = std::mem::replace(&mut bytes[0], byte);
        ptrace::write(self.process, place, i64::from_ne_bytes(bytes)).expect("its code");
        old
    }
}

fn decode(process: Pid, address: u64) -> Effect {
    let mut bytes = [0; LONGEST];
    let place = RemoteIoVec { base: address as usize, len: LONGEST };
    // Fewer at the end of a mapping.
    let read = process_vm_readv(process, &mut [IoSliceMut::new(&mut bytes)], &[place]).unwrap_or(0);
    let instruction = Decoder::with_ip(64, &bytes[..read], address, DecoderOptions::NONE).decode();
    if instruction.code() == Instruction::Syscall {
        return Effect::SystemCall;
    }
    let mut factory = InstructionInfoFactory::new();
    let operand = |place: &UsedMemory| {
        let access = match place.access() {
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite => {
                Access::Write
            }
            OpAccess::Read | OpAccess::CondRead => Access::Read,
            OpAccess::None | OpAccess::NoMemAccess => return None,
        };
        Some(Operand { access, place: *place })
    };
    let operands = factory.info(&instruction).used_memory().iter().filter_map(operand).collect();
    match instruction.has_rep_prefix() || instruction.has_repne_prefix() {
        true => Effect::Repeated(operands),
        false => Effect::Memory(operands),
    }
}

fn value(register: Register, registers: &user_regs_struct) -> Option<u64> {
    let full = match register.full_register() {
        Register::RAX => registers.rax,
        Register::RBX => registers.rbx,
        Register::RCX => registers.rcx,
        Register::RDX => registers.rdx,
        Register::RSI => registers.rsi,
        Register::RDI => registers.rdi,
        Register::RBP => registers.rbp,
        Register::RSP => registers.rsp,
        Register::R8 => registers.r8,
        Register::R9 => registers.r9,
        Register::R10 => registers.r10,
        Register::R11 => registers.r11,
        Register::R12 => registers.r12,
        Register::R13 => registers.r13,
        Register::R14 => registers.r14,
        Register::R15 => registers.r15,
        Register::FS => registers.fs_base,
        Register::GS => registers.gs_base,
        Register::CS | Register::DS | Register::ES | Register::SS => 0,
        _ => return None,
    };
    Some(if register.size() == 4 && register.is_gpr() { full & 0xffff_ffff } else { full })
}
