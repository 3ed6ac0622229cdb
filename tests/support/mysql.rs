//! A real MariaDB server, from Debian's package, with databases that MLflow made.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use mltui::store::uri::{Location, RestOptions};
use mltui::store::{Store, uri};
use mysql::prelude::Queryable;

use super::{Mlflow, V2, V3, free_port, run, wait_until};

/// The driver of MLflow's own client.
const DRIVER: &str = "PyMySQL==1.2.4";
/// Of the user `ana`.
pub const PASSWORD: &str = "secret of ana";
/// Whom Debian's package is for, where it runs as root.
const NOBODY: &str = "nobody";

/// Makes all tables, as MLflow does when it first meets a database.
const MAKE: &str = "import mlflow\nmlflow.set_tracking_uri(sys.argv[1])\nmlflow.search_experiments()\n\
                    mlflow.MlflowClient().search_registered_models()";

/// A server, which ends with the test program.
pub struct MariaDb {
    process: Child,
    pub port: u16,
    pub folder: PathBuf,
    made: Mutex<usize>,
}

/// Where the driver is, which is installed on first use.
pub fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = root.join("mysql");
        let lock = File::create(root.join("mysql.lock")).unwrap();
        lock.lock().unwrap();
        let ready = folder.join(".ready");
        if fs::read_to_string(&ready).ok().as_deref() != Some(DRIVER) {
            let _ = fs::remove_dir_all(&folder);
            let mut pip = Command::new(V3.python());
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
            run(pip.arg("--target").arg(&folder).arg(DRIVER), "pip install of PyMySQL");
            fs::write(&ready, DRIVER).unwrap();
        }
        folder
    })
}

impl MariaDb {
    /// A server that many tests use, each with a database of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<MariaDb> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mltui-my-").tempdir().unwrap().keep();
        run(Command::new("chmod").arg("0777").arg(&folder), "chmod");
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.arg(format!("--user={NOBODY}")).arg(format!("--datadir={}", folder.join("data").display()));
        // Two of them side by side take each other's tables away.
        install.env("TMPDIR", &folder);
        run(install.stdout(Stdio::null()), "mariadb-install-db");
        let port = free_port();
        let server = Self { process: launch(&folder, port), port, folder, made: Mutex::default() };
        server.wait();
        server.sql(
            "mysql",
            &format!("CREATE USER ana@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO ana@'%'"),
        );
        server
    }

    fn wait(&self) {
        wait_until("the database server", || self.connect("mysql").is_ok());
    }

    pub fn stop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }

    /// Starts a stopped server again, on the same port and data.
    pub fn restart(&mut self) {
        self.process = launch(&self.folder, self.port);
        self.wait();
    }

    /// A connection of the server's owner, whose statements somebody else's may wait for.
    pub fn connect(&self, database: &str) -> mysql::Result<mysql::Conn> {
        let socket = self.folder.join("my.sock").to_string_lossy().into_owned();
        mysql::Conn::new(
            mysql::OptsBuilder::new().socket(Some(socket)).user(Some("root")).db_name(Some(database)),
        )
    }

    /// Carries statements out as the server's owner.
    pub fn sql(&self, database: &str, statements: &str) {
        let mut connection = self.connect(database).unwrap();
        for statement in statements.split(';').filter(|statement| !statement.trim().is_empty()) {
            connection.query_drop(statement).unwrap();
        }
    }

    /// A number that a statement answers with.
    pub fn number(&self, database: &str, statement: &str) -> i64 {
        self.connect(database).unwrap().query_first(statement).unwrap().unwrap()
    }

    /// The name of a database with what this MLflow makes, which nobody writes to.
    pub fn template(&self, mlflow: Mlflow) -> &'static str {
        let _one = self.made.lock().unwrap();
        let template = if mlflow == V2 { "mlflow_2" } else { "mlflow_3" };
        let count = "SELECT count(*) FROM information_schema.schemata WHERE schema_name = ";
        if self.number("mysql", &format!("{count}'{template}'")) == 0 {
            self.sql("mysql", &format!("CREATE DATABASE {template} CHARACTER SET utf8mb4"));
            python(mlflow, MAKE, &[&self.uri_for_python(template)]);
        }
        template
    }

    /// A new database with what this MLflow makes; its name.
    pub fn database(&self, mlflow: Mlflow) -> String {
        let template = self.template(mlflow);
        let mut made = self.made.lock().unwrap();
        *made += 1;
        let name = format!("store_{made}");
        drop(made);
        self.sql("mysql", &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
        let script =
            "mariadb-dump --no-defaults -S \"$0\" -u root $1 | mariadb --no-defaults -S \"$0\" -u root $2";
        let mut copy = Command::new("bash");
        copy.args(["-o", "pipefail", "-c", script])
            .arg(self.folder.join("my.sock"))
            .args([template, name.as_str()]);
        run(&mut copy, "mariadb-dump");
        name
    }

    pub fn uri(&self, database: &str) -> String {
        self.uri_of("ana", PASSWORD, database)
    }

    pub fn uri_of(&self, user: &str, password: &str, database: &str) -> String {
        let password = password.replace(' ', "%20");
        format!("mysql://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The same with the name of the driver that is installed.
    pub fn uri_for_python(&self, database: &str) -> String {
        self.uri(database).replacen("mysql", "mysql+pymysql", 1)
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts the server on a folder with data. The shell ends it as soon as nobody holds the other end of its input: when this
/// process has ended, in whatever way.
fn launch(folder: &Path, port: u16) -> Child {
    // It speaks TLS where it was given a certificate.
    let certificate = folder.join("server.pem");
    let tls: Vec<String> = ["cert", "key"]
        .into_iter()
        .filter(|_| certificate.exists())
        .map(|what| format!("--ssl-{what}={}", certificate.display()))
        .collect();
    let log = File::options().create(true).append(true).open(folder.join("server.log")).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "\"$@\" & server=$!; cat > /dev/null; kill -KILL $server; wait $server", "sh"])
        .args(["mariadbd", "--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin"])
        .args([
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync",
            "--innodb-doublewrite=0",
        ])
        .arg("--innodb-buffer-pool-size=64M")
        .args(tls)
        .arg(format!("--user={NOBODY}"))
        .arg(format!("--port={port}"))
        .arg(format!("--datadir={}", folder.join("data").display()))
        .arg(format!("--socket={}", folder.join("my.sock").display()))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().unwrap()
}

/// Runs a program in a Python that knows the driver.
pub fn python(mlflow: Mlflow, program: &str, arguments: &[&str]) -> String {
    let program = format!("import sys\nsys.path.insert(0, {:?})\n{program}", packages().to_str().unwrap());
    mlflow.run(&program, arguments)
}

/// The store behind an address, whose new files go below a folder.
pub fn open_at(address: &str, folder: &Path) -> Store {
    let location = uri::parse(address, folder).unwrap();
    assert!(matches!(location, Location::MySql(_)));
    uri::open(&location, &RestOptions::default(), false).unwrap()
}
