//! Who of the loaded program and its libraries calls a function: its dynamic relocations name what an object takes from others.
//!
//! Hash tables would not do: that of a program which exports nothing counts no symbols at all.

use std::ffi::{CStr, c_char, c_int, c_void};

/// An entry of an object's dynamic section (`Elf64_Dyn`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    tag: i64,
    value: u64,
}

/// Entries' tags: DT_NULL, DT_STRTAB, DT_SYMTAB, and the two tables of relocations with their sizes in bytes.
const END: i64 = 0;
const NAMES: i64 = 5;
const SYMBOLS: i64 = 6;
const RELOCATIONS: [(i64, i64); 2] = [(7, 8), (23, 2)];

/// A relocation (`Elf64_Rela`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Relocation {
    _offset: u64,
    info: u64,
    _addend: i64,
}

/// Whether one of the objects that are loaded by now imports the function `name`, or the program itself holds this code: then it may have been
/// linked with the function.
pub fn is_imported(name: &CStr) -> bool {
    any_object(&|object| is_program(object) && holds_this_code(object) || imports(object, name))
}

fn imports(object: &libc::dl_phdr_info, name: &CStr) -> bool {
    Imports::of(object).is_some_and(|imports| imports.have(name))
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

/// What an object takes from others.
struct Imports<'a> {
    symbols: *const libc::Elf64_Sym,
    names: *const c_char,
    relocations: [&'a [Relocation]; 2],
}

impl<'a> Imports<'a> {
    fn of(object: &'a libc::dl_phdr_info) -> Option<Self> {
        let dynamic = headers(object).iter().find(|header| header.p_type == libc::PT_DYNAMIC)?;
        let entries = object.dlpi_addr.wrapping_add(dynamic.p_vaddr) as *const Entry;
        let number = |tag| entries_from(entries).find(|entry| entry.tag == tag).map(|entry| entry.value);
        // The loader has made addresses of most; those of the kernel's own object count from where it is mapped.
        let address =
            |tag| number(tag).map(|at| if at < object.dlpi_addr { at + object.dlpi_addr } else { at });
        let relocations = RELOCATIONS.map(|(table, size)| match (address(table), number(size)) {
            (Some(at), Some(size)) => relocations(at, size),
            _ => &[],
        });
        Some(Self {
            symbols: address(SYMBOLS)? as *const libc::Elf64_Sym,
            names: address(NAMES)? as *const c_char,
            relocations,
        })
    }

    fn have(&self, name: &CStr) -> bool {
        let symbols = self.relocations.iter().copied().flatten().map(|relocation| relocation.info >> 32);
        symbols.filter(|&symbol| symbol != 0).any(|symbol| self.is_import(symbol as usize, name))
    }

    fn is_import(&self, symbol: usize, name: &CStr) -> bool {
        // SAFETY: a relocation names a symbol that there is.
        let symbol = unsafe { &*self.symbols.wrapping_add(symbol) };
        // SAFETY: names lie in the object's table of strings.
        let named = || unsafe { CStr::from_ptr(self.names.wrapping_add(symbol.st_name as usize)) };
        symbol.st_shndx == 0 && named() == name
    }
}

/// A table of relocations, of so many bytes.
fn relocations<'a>(at: u64, size: u64) -> &'a [Relocation] {
    // SAFETY: the object says where its table is, and how long.
    unsafe { std::slice::from_raw_parts(at as *const Relocation, size as usize / size_of::<Relocation>()) }
}

/// The entries of a dynamic section.
fn entries_from(first: *const Entry) -> impl Iterator<Item = Entry> {
    (0..)
        // SAFETY: the section ends with an entry that says so, and none behind that is looked at.
        .map(move |index| unsafe { *first.wrapping_add(index) })
        .take_while(|entry| entry.tag != END)
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
