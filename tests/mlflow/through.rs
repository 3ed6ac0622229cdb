//! Servers that only another machine sees, reached by a real `ssh` to a real `sshd`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::support::client::{block_on, open, quick};
use crate::support::mysql::{self, MariaDb};
use crate::support::postgres::{self, Gateway, PASSWORD, Postgres};
use crate::support::terminal::Terminal;
use crate::support::{Server, V3, free_port, wait_until};

/// `sshd` on a port of this machine, with keys of its own.
struct Machine {
    folder: PathBuf,
    port: u16,
    daemon: Option<Child>,
}

impl Machine {
    fn start(folder: &Path) -> Self {
        for name in ["host", "user"] {
            let path = folder.join(name);
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
            assert!(made.unwrap().success());
        }
        std::fs::create_dir_all("/run/sshd").unwrap();
        let mut machine = Self { folder: folder.to_owned(), port: free_port(), daemon: None };
        machine.restart();
        machine
    }

    fn restart(&mut self) {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "/dev/null", "-p", &self.port.to_string()]);
        let options = [
            format!("HostKey={}", path("host")),
            format!("AuthorizedKeysFile={}", path("user.pub")),
            "StrictModes=no".into(),
            "PidFile=none".into(),
            "ListenAddress=127.0.0.1".into(),
        ];
        for option in &options {
            command.args(["-o", option]);
        }
        // What it carries ends with it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        self.daemon = Some(command.stderr(Stdio::null()).spawn().unwrap());
        let address = ("127.0.0.1", self.port);
        wait_until("sshd", || std::net::TcpStream::connect(address).is_ok());
    }

    fn stop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        // Each connection is a process of its own, and another one below that. Other tests have theirs.
        let mut all = vec![daemon.id().to_string()];
        for at in 0.. {
            let Some(parent) = all.get(at) else { break };
            let listed = Command::new("pgrep").args(["-P", parent]).output().unwrap();
            all.extend(String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned));
        }
        let _ = daemon.kill();
        let _ = daemon.wait();
        let _ = Command::new("kill").arg("-9").args(&all[1..]).stderr(Stdio::null()).status();
    }

    /// Words by which its `ssh` is known among processes.
    fn key(&self) -> String {
        self.folder.join("user").display().to_string()
    }

    fn is_used(&self) -> bool {
        let listed = Command::new("pgrep").args(["-f", &format!("ssh .*{}", self.key())]).output().unwrap();
        !listed.stdout.is_empty()
    }

    /// Options for its `ssh`.
    fn options(&self) -> String {
        let known = self.folder.join("known");
        let known = format!("-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={}", known.display());
        format!("-F none -p {} -i {} {known}", self.port, self.key())
    }

    fn config(&self, uri: &str) {
        self.config_with(uri, &format!("ssh {}", self.options()));
    }

    fn config_with(&self, uri: &str, command: &str) {
        let mut text = String::new();
        writeln!(text, "[profiles.far]\ntracking_uri = \"{uri}\"\nssh_host = \"root@127.0.0.1\"").unwrap();
        writeln!(text, "ssh_command = \"{command}\"").unwrap();
        std::fs::write(self.folder.join("c.toml"), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.args(["--config", "c.toml", "--profile", "far"]).args(words).current_dir(&self.folder);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", &self.folder);
        command.env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0");
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// The experiments behind an address, or why there are none.
    fn experiments(&self, uri: &str) -> Result<String, String> {
        self.config(uri);
        let listed = self.run(&["experiments"]);
        let (out, error) = (String::from_utf8(listed.stdout), String::from_utf8(listed.stderr));
        if listed.status.success() { Ok(out.unwrap()) } else { Err(error.unwrap()) }
    }

    /// The connection breaks and comes back while somebody looks.
    fn breaks_and_comes_back(&mut self, shown: &str) {
        let arguments = ["--config", "c.toml", "--profile", "far"];
        let screen = Terminal::start(&self.folder, (120, 36), &arguments, &[]);
        screen.wait("the store", |screen| screen.contains(shown) && screen.contains("live"));
        self.stop();
        screen.wait("that it is away", |screen| screen.contains("stale"));
        self.restart();
        screen.wait("that it is back", |screen| screen.contains("● live"));
    }

    /// What a script of Python finds behind it: the address that it is given, and the experiments.
    fn script(&self, uri: &str, packages: &Path) -> String {
        self.config(uri);
        let script = format!(
            "import sys; sys.path.insert(0, '{}'); import mlflow; print(mlflow.get_tracking_uri()); \
             print([it.name for it in mlflow.search_experiments()])",
            packages.display()
        );
        let ran = self.run(&["exec", "--", V3.quick_python().to_str().unwrap(), "-c", &script]);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
#[ignore = "needs Debian's openssh-server: apt-get install openssh-server procps, and root"]
fn a_server_that_another_machine_sees_is_reached_through_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared(V3);
    let name = format!("far away {}", server.port);
    block_on(open(&server.uri(), quick()).create_experiment(&name, &[])).unwrap();
    let mut machine = Machine::start(folder.path());
    machine.config(&server.uri());

    let listed = machine.run(&["experiments"]);
    let (out, error) = (String::from_utf8(listed.stdout).unwrap(), String::from_utf8(listed.stderr).unwrap());
    assert!(listed.status.success() && out.contains(&name), "{out}{error}");
    wait_until("the end of ssh", || !machine.is_used());

    // A script finds it at a port of this machine, and its exit code is kept.
    let script = "import mlflow, sys; print(mlflow.get_tracking_uri()); \
                  print([it.name for it in mlflow.search_experiments()]); sys.exit(9)";
    let python = V3.python().display().to_string();
    let ran = machine.run(&["exec", "--", &python, "-c", script]);
    let out = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(9), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(out.starts_with("http://127.0.0.1:") && !out.starts_with(&server.uri()), "{out}");
    assert!(out.contains(&name), "{out}");
    wait_until("the end of ssh", || !machine.is_used());

    // The connection breaks and comes back while somebody looks.
    let home = folder.path().to_owned();
    let words = ["--config", "c.toml", "--profile", "far"];
    let screen = Terminal::start(&home, (120, 36), &words, &[]);
    screen.wait("the experiment", |screen| screen.contains("far away") && screen.contains("live"));
    machine.stop();
    screen.wait("that it is away", |screen| screen.contains("ssh root@127.0.0.1"));
    let refused = machine.run(&["experiments"]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && error.contains("Connection refused"), "{error}");
    machine.restart();
    screen.wait("that it is back", |screen| screen.contains("● live"));
    // Killed, it leaves nothing behind.
    screen.signal("-KILL");
    wait_until("the end of ssh", || !machine.is_used());
}

#[test]
#[ignore = "needs Debian's openssh-server: apt-get install openssh-server procps, and root"]
fn a_database_that_another_machine_sees_is_reached_through_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    block_on(postgres::open_at(&server.uri(&name), folder.path()).create_experiment("far away", &[]))
        .unwrap();
    let gateway = Gateway::start(folder.path(), server.port, "anyone");
    let mut machine = Machine::start(folder.path());
    // Its certificate is looked at by the name that the address has for it, not by that of where it is found here.
    let query = format!("?sslmode=verify-full&sslrootcert={}", folder.path().join("ca.pem").display());
    let verified = server.uri_by(gateway.1, &name) + &query;
    assert!(machine.experiments(&verified).unwrap().contains("far away"));
    let misnamed = machine.experiments(&verified.replace("127.0.0.1", "localhost")).unwrap_err();
    assert!(misnamed.contains("for another name") && misnamed.contains("through ssh root@"), "{misnamed}");
    let nobody = machine.experiments(&server.uri_by(free_port(), &name)).unwrap_err();
    assert!(nobody.contains("no PostgreSQL server answers at 127.0.0.1:"), "{nobody}");
    let found =
        machine.script(&verified.replacen("postgresql", "postgresql+psycopg2", 1), postgres::packages());
    assert!(found.contains("hostaddr=127.0.0.1") && found.contains("far away"), "{found}");
    assert!(!found.contains(&format!(":{}/", gateway.1)), "{found}");
    // This program itself takes what it hands on.
    machine.config(&verified);
    let inner = machine.run(&["exec", "--", env!("CARGO_BIN_EXE_mltui"), "experiments"]);
    let (out, error) = (String::from_utf8(inner.stdout).unwrap(), String::from_utf8(inner.stderr).unwrap());
    assert!(out.contains("far away"), "{out}{error}");
    machine.breaks_and_comes_back("far away");
    // A socket is one here too, which nobody else enters.
    let password = PASSWORD.replace(' ', "%20");
    let place = format!("host={}&port={}", server.folder.display(), server.port);
    let socket = format!("postgresql+psycopg2://postgres:{password}@/{name}?{place}");
    assert!(machine.experiments(&socket).unwrap().contains("far away"));
    let found = machine.script(&socket, postgres::packages());
    assert!(found.contains("mltui-ssh-") && found.contains("far away"), "{found}");
    let doctor = String::from_utf8(machine.run(&["doctor"]).stdout).unwrap();
    assert!(
        doctor.contains("through ssh root@") && doctor.contains("only ssh comes to the socket"),
        "{doctor}"
    );
    wait_until("the end of ssh", || !machine.is_used());
}

#[test]
#[ignore = "needs Debian's mariadb-server and openssh-server: apt-get install mariadb-server openssh-server procps, and root"]
fn a_mariadb_that_another_machine_sees_is_reached_through_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = MariaDb::shared();
    let name = server.template(V3);
    let mut machine = Machine::start(folder.path());
    let port = server.uri_for_python(name);
    let socket = format!("mysql+pymysql://ana:{}@/{name}", mysql::PASSWORD.replace(' ', "%20"));
    let socket = format!("{socket}?unix_socket={}", server.folder.join("my.sock").display());
    for (uri, word) in [(&port, "@127.0.0.1:"), (&socket, "mltui-ssh-")] {
        assert!(machine.experiments(uri).unwrap().contains("Default"));
        let found = machine.script(uri, mysql::packages());
        assert!(found.contains(word) && found.contains("Default"), "{found}");
        assert!(!found.contains(&format!(":{}/", server.port)), "{found}");
    }
    let nobody = port.replace(&format!(":{}/", server.port), &format!(":{}/", free_port()));
    let nobody = machine.experiments(&nobody).unwrap_err();
    assert!(nobody.contains("cannot connect to 127.0.0.1:") && nobody.contains("through ssh"), "{nobody}");
    machine.config(&port);
    machine.breaks_and_comes_back("There are no runs yet");
    wait_until("the end of ssh", || !machine.is_used());
}

/// A connection that the user has open, and that others share.
struct Master(Child, String);

impl Master {
    fn start(machine: &Machine) -> Self {
        let options = format!("{} -S {}", machine.options(), machine.folder.join("master").display());
        let mut command = Command::new("ssh");
        command.args(options.split(' ')).args(["-M", "-N", "root@127.0.0.1"]);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the master", || machine.folder.join("master").exists());
        Self(child, options)
    }

    /// The ports and sockets that it listens at, but for its own.
    fn forwards(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.0.id());
        let links = std::fs::read_dir(folder).unwrap().flatten();
        let sockets: Vec<String> = links
            .filter_map(|link| std::fs::read_link(link.path()).ok()?.to_str().map(str::to_owned))
            .filter_map(|to| Some(to.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
            .collect();
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let listens = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(3) == Some(&"0A") && sockets.iter().any(|inode| words.get(9) == Some(&inode.as_str()))
        };
        table.lines().filter(listens).count()
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs Debian's openssh-server: apt-get install openssh-server procps, and root"]
fn a_connection_that_others_share_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared(V3);
    let machine = Machine::start(folder.path());
    let master = Master::start(&machine);
    let refused = |words: &str| {
        machine.config_with(&server.uri(), &format!("ssh {words}"));
        let listed = machine.run(&["experiments"]);
        let error = String::from_utf8(listed.stderr).unwrap();
        if listed.status.success() { String::new() } else { error }
    };
    // One of its own is enough.
    assert_eq!(refused(&master.1), "");
    assert_eq!(master.forwards(), 0);
    // Nobody is let in any more, as where a second factor is asked for.
    std::fs::write(folder.path().join("user.pub"), "").unwrap();
    let alone = refused(&machine.options());
    assert!(alone.contains("Permission denied"), "{alone}");
    assert_eq!(refused(&master.1), "");
    wait_until("the end of the forwards", || master.forwards() == 0);
}

/// Takes the port of the proxy when it is run first, and is `ssh` then.
const TAKER: &str = r#"
for word; do last=$now; now=$word; [ "$last" = -D ] && port=${now##*:}; done
if [ -n "$port" ] && [ ! -e taken ]; then
    echo "$port" > taken
    python -c 'import socket, sys, time; it = socket.socket(); it.bind(("127.0.0.1", int(sys.argv[1]))); it.listen()
open("listens", "w"); time.sleep(20)' "$port" > /dev/null 2>&1 < /dev/null &
    while [ ! -e listens ]; do sleep 0.05; done
fi
exec ssh "$@"
"#;

#[test]
#[ignore = "needs Debian's openssh-server: apt-get install openssh-server procps, and root"]
fn a_port_that_somebody_else_takes_is_left_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared(V3);
    let machine = Machine::start(folder.path());
    let python = V3.quick_python().display().to_string();
    std::fs::write(folder.path().join("taker"), TAKER.replace("python -c", &format!("{python} -c"))).unwrap();
    machine.config_with(&server.uri(), &format!("sh taker {}", machine.options()));
    let script =
        "import mlflow; print(mlflow.get_tracking_uri(), [it.name for it in mlflow.search_experiments()])";
    let ran = machine.run(&["exec", "--", &python, "-c", script]);
    let (out, error) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert!(out.contains("Default"), "{out}{error}");
    assert!(folder.path().join("taken").exists() && folder.path().join("listens").exists());
}

#[test]
#[ignore = "needs Debian's openssh-server: apt-get install openssh-server procps, and root"]
fn sockets_go_with_the_program_in_whatever_way_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let machine = Machine::start(folder.path());
    // What ssh would put something in for.
    let link = folder.path().join("a%h");
    std::os::unix::fs::symlink(&server.folder, &link).unwrap();
    let place = format!("host={}&port={}", link.display().to_string().replace('%', "%25"), server.port);
    let password = PASSWORD.replace(' ', "%20");
    machine.config(&format!("postgresql://postgres:{password}@/{name}?{place}"));
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let there = || std::fs::read_dir(&temporary).unwrap().count();
    for signal in ["-TERM", "-INT", "-KILL"] {
        let ready = folder.path().join("ready");
        let script = format!("touch {}; exec sleep 20", ready.display());
        let mut command = machine.command(&["exec", "--", "sh", "-c", &script]);
        let mut child = command.env("TMPDIR", &temporary).spawn().unwrap();
        wait_until("the command", || ready.exists());
        assert_eq!(there(), 1, "{signal}");
        let ended = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(ended.unwrap().success());
        if signal == "-INT" {
            // That is the command's business.
            assert_eq!(there(), 1);
            child.kill().unwrap();
        }
        child.wait().unwrap();
        wait_until("the end of the folder", || there() == 0);
        std::fs::remove_file(&ready).unwrap();
    }
    let listed = machine.command(&["experiments"]).env("TMPDIR", &temporary).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    assert_eq!(there(), 0);
}
