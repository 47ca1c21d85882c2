//! Who of the loaded program and its libraries calls a function, as their tables of dynamic symbols tell.

use std::ffi::{CStr, c_char, c_int, c_void};

/// An entry of an object's dynamic section (`Elf64_Dyn`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    tag: i64,
    value: u64,
}

const END: i64 = 0;
const HASH: i64 = 4;
const NAMES: i64 = 5;
const SYMBOLS: i64 = 6;
const GNU_HASH: i64 = 0x6fff_fef5;

/// Whether one of the objects that are loaded by now imports the function `name`, or the program itself holds this code: then it may have been
/// linked with the function.
pub fn is_imported(name: &CStr) -> bool {
    any_object(&|object| is_program(object) && holds_this_code(object) || imports(object, name))
}

fn imports(object: &libc::dl_phdr_info, name: &CStr) -> bool {
    Symbols::of(object).is_some_and(|all| all.import(name))
}

/// What is asked of each object.
type Question<'a> = &'a dyn Fn(&libc::dl_phdr_info) -> bool;

/// Whether an object answers yes.
fn any_object(question: Question<'_>) -> bool {
    unsafe extern "C" fn ask(object: *mut libc::dl_phdr_info, _: usize, question: *mut c_void) -> c_int {
        // SAFETY: the loader's description is valid during this call.
        let object = unsafe { &*object };
        // SAFETY: the question below, which outlives the walk.
        let question = unsafe { *question.cast::<Question<'_>>() };
        question(object).into()
    }
    let mut question = question;
    // SAFETY: `ask` gets the question back, and panics nowhere.
    unsafe { libc::dl_iterate_phdr(Some(ask), (&raw mut question).cast()) != 0 }
}

/// Whether it is the program, not a library: it alone has no name.
fn is_program(object: &libc::dl_phdr_info) -> bool {
    // SAFETY: a C string, if there is one.
    object.dlpi_name.is_null() || unsafe { CStr::from_ptr(object.dlpi_name) }.is_empty()
}

fn holds_this_code(object: &libc::dl_phdr_info) -> bool {
    let here = is_imported as *const () as u64;
    headers(object).iter().filter(|header| header.p_type == libc::PT_LOAD).any(|header| {
        let start = object.dlpi_addr.wrapping_add(header.p_vaddr);
        (start..start.saturating_add(header.p_memsz)).contains(&here)
    })
}

fn headers(object: &libc::dl_phdr_info) -> &[libc::Elf64_Phdr] {
    if object.dlpi_phdr.is_null() {
        return &[];
    }
    // SAFETY: as many as the loader says.
    unsafe { std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) }
}

/// The dynamic symbols of an object.
struct Symbols {
    first: *const libc::Elf64_Sym,
    count: u32,
    names: *const c_char,
}

impl Symbols {
    fn of(object: &libc::dl_phdr_info) -> Option<Self> {
        let dynamic = headers(object).iter().find(|header| header.p_type == libc::PT_DYNAMIC)?;
        let entries = object.dlpi_addr.wrapping_add(dynamic.p_vaddr) as *const Entry;
        let find = |tag| {
            let value = entries_from(entries).find(|entry| entry.tag == tag)?.value;
            // The loader has made addresses of most; those of the kernel's own object count from where it is mapped.
            Some(if value < object.dlpi_addr { object.dlpi_addr + value } else { value })
        };
        // What the object does not define itself comes before what its own table hashes; the older table hashes all.
        let hash = find(GNU_HASH).or_else(|| find(HASH))?;
        let count = second_word(hash);
        Some(Self {
            first: find(SYMBOLS)? as *const libc::Elf64_Sym,
            count,
            names: find(NAMES)? as *const c_char,
        })
    }

    fn import(&self, name: &CStr) -> bool {
        (0..self.count as usize).any(|index| {
            // SAFETY: as many as the object's hash table says.
            let symbol = unsafe { &*self.first.wrapping_add(index) };
            // SAFETY: names lie in the object's table of strings.
            let named = || unsafe { CStr::from_ptr(self.names.wrapping_add(symbol.st_name as usize)) };
            symbol.st_shndx == 0 && named() == name
        })
    }
}

/// The entries of a dynamic section.
fn entries_from(first: *const Entry) -> impl Iterator<Item = Entry> {
    (0..)
        // SAFETY: the section ends with an entry that says so, and none behind that is looked at.
        .map(move |index| unsafe { *first.wrapping_add(index) })
        .take_while(|entry| entry.tag != END)
}

/// The second word of a hash table's head: the number of symbols that may be imports, in both kinds.
fn second_word(table: u64) -> u32 {
    // SAFETY: an address that the object names for its hash table, whose head is at least two words long.
    unsafe { *(table as *const u32).wrapping_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_this_program_are_found() {
        let asked = |name: &CStr| any_object(&|object| imports(object, name));
        assert!(asked(c"dl_iterate_phdr"), "this file imports it");
        assert!(!asked(c"a_function_that_nobody_has"));
    }

    #[test]
    fn a_program_that_holds_this_code_may_call_anything() {
        assert!(is_imported(c"a_function_that_nobody_has"));
    }
}
