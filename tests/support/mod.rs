//! The real MLflow for tests: pinned versions in private virtual environments, servers on free loopback ports.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it, and a test may panic")]

pub mod accounting;
pub mod azurite;
pub mod client;
pub mod commands;
pub mod flood;
mod forks;
pub mod killing;
pub mod moto;
pub mod mysql;
pub mod parquet;
pub mod peer;
pub mod postgres;
pub mod proxy;
pub mod silence;
pub mod slurm;
pub mod stores;
pub mod sweeping;
pub mod terminal;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A pinned MLflow and what else its installation has to pin to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mlflow {
    pub version: &'static str,
    packages: &'static [&'static str],
}

pub const V3: Mlflow = Mlflow {
    version: "3.17.2",
    packages: &["mlflow==3.17.2", "Flask-WTF", "onnx==1.23.2", "onnxruntime==1.32.0"],
};
/// The last of MLflow 2; it imports what SQLAlchemy 2.1 took out.
pub const V2: Mlflow = Mlflow {
    version: "2.22.5",
    packages: &["mlflow==2.22.5", "sqlalchemy<2.1", "onnx==1.18.0", "onnxruntime==1.22.1"],
};

/// What scripts train and search with that log to MLflow, without what MLflow brings along.
const LIBRARIES: &[&str] = &[
    "xgboost-cpu==3.2.0",
    "optuna==5.0.0",
    "optuna-integration==5.0.0",
    "colorlog==6.12.0",
    "tqdm==4.70.1",
    "hydra-core==1.3.8",
    "omegaconf==2.4.0",
    "antlr4-python3-runtime==4.9.3",
];

/// A folder of packages beside MLflow's own, which are installed on first use; nothing that they depend on is.
pub fn installed(name: &str, packages: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = root.join(name);
    let lock = File::create(root.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let (ready, wanted) = (folder.join(".ready"), packages.join(" "));
    if fs::read_to_string(&ready).ok().as_ref() != Some(&wanted) {
        let _ = fs::remove_dir_all(&folder);
        let mut pip = Command::new(V3.python());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
        run(pip.arg(&folder).args(packages), &format!("pip install of {name}"));
        fs::write(&ready, wanted).unwrap();
    }
    folder
}

impl Mlflow {
    /// The Python of the environment with further libraries, which are installed on first use.
    pub fn python_with_libraries(self) -> PathBuf {
        let python = self.python();
        let ready = python.parent().unwrap().with_file_name(".ready-libraries");
        let lock = File::create(python.parent().unwrap().with_file_name(".libraries.lock")).unwrap();
        lock.lock().unwrap();
        let packages = LIBRARIES.join(" ");
        if fs::read_to_string(&ready).ok().as_ref() != Some(&packages) {
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
            run(pip.args(LIBRARIES), "pip install of libraries");
            fs::write(&ready, packages).unwrap();
        }
        python
    }

    /// The Python of the environment, which is installed on first use.
    pub fn python(self) -> PathBuf {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned();
        fs::create_dir_all(&root).unwrap();
        let folder = root.join(format!("mlflow-{}", self.version));
        let python = folder.join("bin/python");
        let ready = folder.join(".ready");
        // Test programs run side by side; one installs, the others wait for it.
        let lock = File::create(root.join(format!("mlflow-{}.lock", self.version))).unwrap();
        lock.lock().unwrap();
        // An environment of other packages is not this one.
        let packages = self.packages.join(" ");
        if fs::read_to_string(&ready).ok().as_ref() != Some(&packages) {
            let _ = fs::remove_dir_all(&folder);
            run(
                Command::new("python3").args(["-m", "venv"]).arg(&folder),
                "python3 -m venv (these tests need Python 3)",
            );
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(self.packages);
            run(&mut pip, "pip install of MLflow");
            fs::write(&ready, packages).unwrap();
        }
        python
    }

    /// Runs a Python program and returns what it prints.
    pub fn run(self, program: &str, arguments: &[&str]) -> String {
        self.run_by(self.quick_python(), program, arguments)
    }

    /// The same in a Python of its own, which has everything to import.
    pub fn run_anew(self, program: &str, arguments: &[&str]) -> String {
        self.run_by(&self.python(), program, arguments)
    }

    fn run_by(self, python: &Path, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(python);
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        command.arg("-c").arg(program).args(arguments).env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1");
        run(&mut command, &format!("Python with MLflow {}", self.version))
    }

    /// Packages as they are published, `name==version`, without what they need: downloaded on first use, and not installed.
    pub fn wheels(self, packages: &[&str]) -> Vec<PathBuf> {
        let python = self.python();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheels");
        fs::create_dir_all(&folder).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let path = |package: &&str| {
            let start = format!("{}-", package.replace("==", "-"));
            let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
            files.into_iter().find(|file| file.file_name().unwrap().to_str().unwrap().starts_with(&start))
        };
        if packages.iter().any(|package| path(package).is_none()) {
            let mut pip = Command::new(python);
            pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "-d"]);
            run(pip.arg(&folder).args(packages), "pip download");
        }
        packages.iter().map(|package| path(package).unwrap()).collect()
    }

    /// Starts a program that goes on beside the test.
    pub fn spawn(self, program: &str, arguments: &[&str]) -> Background {
        let mut command = Command::new(self.quick_python());
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        command.arg("-c").arg(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        Background(command.spawn().unwrap())
    }
}

/// Waits until it is so, which must come.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(180), "{what} did not come");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A process that ends with the test.
pub struct Background(Child);

impl Background {
    pub fn wait(mut self) {
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &mut Command, what: &str) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(
        output.status.success(),
        "{what} failed:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A port at which nobody listens. It is none of those that the system gives to who asks for any: it stays free until its
/// server has started, and while that is away.
pub fn free_port() -> u16 {
    const PORTS: Range<u16> = 15_000..31_000;
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU16::new(fastrand::u16(PORTS)));
    let mut ports =
        PORTS.map(|_| PORTS.start + next.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// A tracking server on a database of its own.
pub struct Server {
    process: Child,
    pub port: u16,
    pub folder: PathBuf,
    /// What runs MLflow: a Python, or what stands in for one.
    python: PathBuf,
}

impl Server {
    /// A server that many tests use, each with experiments and models of its own names; it ends with the test program.
    pub fn shared(mlflow: Mlflow) -> &'static Self {
        static SHARED: [OnceLock<Server>; 2] = [OnceLock::new(), OnceLock::new()];
        SHARED[usize::from(mlflow == V2)].get_or_init(|| {
            let folder = tempfile::tempdir().unwrap().keep();
            let gone_with_it = [("FOLDER", folder.to_str().unwrap())];
            Self::start_with(mlflow, &folder, &[], &gone_with_it)
        })
    }

    /// Starts a server with its store, `store.db`, in `folder`.
    pub fn start(mlflow: Mlflow, folder: &Path) -> Self {
        Self::start_at(mlflow, folder, free_port())
    }

    pub fn start_at(mlflow: Mlflow, folder: &Path, port: u16) -> Self {
        Self::launch(mlflow.quick_python(), folder, port, &[], &[])
    }

    /// The same by the very command, in processes of its own, which takes many seconds longer.
    pub fn start_command(mlflow: Mlflow, folder: &Path) -> Self {
        Self::launch(&mlflow.python(), folder, free_port(), &[], &[])
    }

    /// Starts a server that lets only `admin` in.
    pub fn start_with_password(mlflow: Mlflow, folder: &Path, password: &str) -> Self {
        let variables =
            [("MLFLOW_FLASK_SERVER_SECRET_KEY", "for tests"), ("MLFLOW_AUTH_ADMIN_PASSWORD", password)];
        Self::launch(mlflow.quick_python(), folder, free_port(), &["--app-name", "basic-auth"], &variables)
    }

    /// Starts a server with more words on its command line, and in its environment.
    pub fn start_with(mlflow: Mlflow, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::launch(mlflow.quick_python(), folder, free_port(), arguments, variables)
    }

    fn launch(
        python: &Path,
        folder: &Path,
        port: u16,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let log = File::options().create(true).append(true).open(folder.join("server.log")).unwrap();
        // The shell ends the server, and all that it started, as soon as nobody holds the other end of its input: when this
        // process has ended, in whatever way.
        let mut command = Command::new("sh");
        command
            .args(["-c", "\"$@\" & cat > /dev/null; rm -rf \"$FOLDER\"; kill -9 0", "sh"])
            .env_remove("FOLDER")
            .arg(python)
            .args("-m mlflow server --host 127.0.0.1 --workers 1 --port".split(' '))
            .arg(port.to_string())
            .arg("--backend-store-uri")
            .arg(format!("sqlite:///{}", folder.join("store.db").display()))
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(folder)
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let process = command.spawn().unwrap();
        let server = Self { process, port, folder: folder.to_owned(), python: python.to_owned() };
        let end = Instant::now() + Duration::from_secs(240);
        while !server.is_healthy() {
            assert!(
                Instant::now() < end,
                "the server does not start:\n{}",
                fs::read_to_string(folder.join("server.log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn is_healthy(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let request =
            format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port);
        let mut answer = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }

    /// Ends the server and all its workers.
    pub fn stop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-9", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.process.wait();
        // What runs elsewhere in the place of these processes ends after them.
        wait_until("the end of the server", || TcpListener::bind(("127.0.0.1", self.port)).is_ok());
    }

    /// Starts a stopped server again, on the same port and store.
    pub fn restart(&mut self) {
        *self = Self::launch(&self.python.clone(), &self.folder.clone(), self.port, &[], &[]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
