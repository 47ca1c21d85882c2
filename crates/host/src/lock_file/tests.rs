use super::*;
use std::fs;
use std::time::Duration;

/// The lock beside a socket in a folder of the test's own.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn lock(&self) -> PathBuf {
        self.folder.path().join("socket.lock")
    }

    fn take(&self) -> Result<Option<LockFile>, Refused> {
        LockFile::try_take(&self.lock())
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.folder).unwrap().count()
    }

    /// As one that was killed leaves it.
    fn left(&self, lock: LockFile) {
        let text = fs::read(self.lock()).unwrap();
        drop(lock);
        fs::write(self.lock(), text).unwrap();
    }
}

#[test]
fn a_lock_that_was_made_goes() {
    let place = Place::new();
    let lock = place.take().unwrap().unwrap();
    assert_eq!(lock.record(), Record::NoSocket);
    assert!(lock.is_there());
    assert!(place.take().unwrap().is_none(), "it is held");
    assert_eq!(place.files(), 1);
    drop(lock);
    assert_eq!(place.files(), 0);
}

#[test]
fn an_empty_file_is_used_and_stays_empty() {
    let place = Place::new();
    fs::write(place.lock(), "").unwrap();
    let lock = place.take().unwrap().unwrap();
    lock.note_binding();
    assert!(place.take().unwrap().is_none(), "it is held");
    assert!(matches!(lock.record(), Record::Binding(_)), "and what it says stays");
    place.left(lock);
    drop(place.take().unwrap().unwrap());
    assert_eq!(fs::read(place.lock()).unwrap(), b"", "also after one that was killed");
}

#[test]
fn what_is_another_s_is_refused_and_stays() {
    let place = Place::new();
    let other = place.folder.path().join("other");
    fs::write(&other, "").unwrap();
    for kind in ["text", "bytes", "folder", "link", "pipe"] {
        let path = place.lock();
        match kind {
            "text" => fs::write(path, "precious").unwrap(),
            "bytes" => fs::write(path, [0xff; 4096]).unwrap(),
            "folder" => fs::create_dir(path).unwrap(),
            "link" => std::os::unix::fs::symlink(&other, path).unwrap(),
            _ => rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap(),
        }
        let before = lstat(place.lock()).unwrap();
        assert_eq!(place.take().map(drop), Err(Refused::Foreign), "{kind}");
        let after = lstat(place.lock()).unwrap();
        assert_eq!((before.st_ino, before.st_mtime_nsec), (after.st_ino, after.st_mtime_nsec), "{kind}");
        fs::rename(place.lock(), place.folder.path().join(kind)).unwrap();
    }
}

#[test]
fn a_lock_that_was_replaced_stays() {
    let place = Place::new();
    let lock = place.take().unwrap().unwrap();
    fs::remove_file(place.lock()).unwrap();
    assert!(!lock.is_there());
    let other = place.take().unwrap().unwrap();
    drop(lock);
    assert!(other.is_there());
}

#[test]
fn the_record_names_the_socket_that_was_made() {
    let place = Place::new();
    let (own, others) = (place.folder.path().join("own"), place.folder.path().join("others"));
    let earlier = fs::metadata(&place.folder).unwrap().modified().unwrap() - Duration::from_secs(1);
    fs::File::create(&others).unwrap().set_modified(earlier).unwrap();
    let lock = place.take().unwrap().unwrap();
    lock.note_binding();
    fs::write(&own, "").unwrap();
    let stat = |path: &Path| lstat(path).unwrap();
    assert!(lock.record().names(&stat(&own)), "it was killed before it could say more");
    assert!(!lock.record().names(&stat(&others)), "that was there before");
    lock.note_socket(Made::from(&stat(&own)));
    place.left(lock);
    let lock = place.take().unwrap().unwrap();
    assert!(lock.record().names(&stat(&own)));
    fs::write(&others, "later").unwrap();
    assert!(!lock.record().names(&stat(&others)));
    fs::write(&own, "another file of that number").unwrap();
    assert!(!lock.record().names(&stat(&own)));
    drop(lock);
    assert!(!place.lock().exists());
}
