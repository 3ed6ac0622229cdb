//! Slurm's accounting for tests: the real slurmdbd on a MariaDB of its own, on loopback, which end with it. Needs Debian's packages
//! and root.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{free_port, wait_until};

pub struct Accounting {
    folder: tempfile::TempDir,
    port: String,
    daemons: Vec<Child>,
}

impl Accounting {
    /// With a user root in an account lab of a cluster.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, database, port) = (folder.path(), free_port(), free_port().to_string());
        let (data, socket) = (path.join("data"), path.join("socket"));
        let at = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--user=root", "--skip-test-db", "--skip-name-resolve"])
            .args(["--auth-root-authentication-method=normal", &at("datadir", &data)])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let begin = path.join("begin.sql");
        let user = "'slurm'@'127.0.0.1'";
        fs::write(
            &begin,
            format!(
                "CREATE DATABASE acct;\nCREATE USER {user} IDENTIFIED BY 'x';\nGRANT ALL ON acct.* TO {user};\n"
            ),
        )
        .unwrap();
        let mut accounting = Self { folder, port, daemons: Vec::new() };
        let words = [
            "--no-defaults".into(),
            "--user=root".into(),
            "--bind-address=127.0.0.1".into(),
            format!("--port={database}"),
            "--skip-log-bin".into(),
            "--innodb-flush-log-at-trx-commit=0".into(),
            "--innodb-buffer-pool-size=32M".into(),
            at("datadir", &data),
            at("socket", &socket),
            at("init-file", &begin),
        ];
        accounting.begin("mariadbd", &words);
        wait_until("the database", || TcpStream::connect(("127.0.0.1", database)).is_ok());
        let host = String::from_utf8(Command::new("hostname").arg("-s").output().unwrap().stdout).unwrap();
        let (dir, port) = (accounting.folder.path().display().to_string(), accounting.port.clone());
        accounting.write(
            "slurmdbd.conf",
            &format!(
                "AuthType=auth/none\nDbdHost=localhost\nDbdAddr=127.0.0.1\nDbdPort={port}\nSlurmUser=root\n\
                 LogFile={dir}/slurmdbd.log\nPidFile={dir}/slurmdbd.pid\nStorageType=accounting_storage/mysql\n\
                 StorageHost=127.0.0.1\nStoragePort={database}\nStorageUser=slurm\nStoragePass=x\nStorageLoc=acct\n"
            ),
        );
        // What its own command goes by before there is a cluster.
        accounting.write(
            "slurm.conf",
            &format!(
                "ClusterName=loopback\nSlurmctldHost={}\nAuthType=auth/none\n\
                 AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=127.0.0.1\n\
                 AccountingStoragePort={port}\nNodeName=n1\nPartitionName=main Nodes=n1\n",
                host.trim()
            ),
        );
        accounting.begin("slurmdbd", &["-D".into()]);
        accounting.tell(&["add", "cluster", "loopback"]);
        accounting.tell(&["add", "account", "lab", "Cluster=loopback"]);
        accounting.tell(&["add", "user", "root", "Account=lab", "DefaultAccount=lab"]);
        accounting
    }

    /// What a cluster is set to that is accounted for, and whose limits hold.
    pub fn settings(&self) -> [(&str, &str); 4] {
        [
            ("AccountingStorageType", "accounting_storage/slurmdbd"),
            ("AccountingStorageHost", "127.0.0.1"),
            ("AccountingStoragePort", &self.port),
            ("AccountingStorageEnforce", "limits,qos"),
        ]
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        // It holds a password.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let said = File::options().create(true).append(true).open(self.folder.path().join("said")).unwrap();
        command.env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        command
    }

    fn begin(&mut self, program: &str, words: &[String]) {
        let daemon = self.command(program).args(words).spawn().unwrap();
        self.daemons.push(daemon);
    }

    /// Tells it something, until it takes it.
    pub fn tell(&self, words: &[&str]) {
        let takes = || self.command("sacctmgr").args(["-i", "-Q"]).args(words).status().unwrap().success();
        wait_until(&format!("sacctmgr {words:?}"), takes);
    }
}

impl Drop for Accounting {
    fn drop(&mut self) {
        for mut daemon in self.daemons.drain(..).rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}
