//! A private Slurm for tests: the real slurmctld and slurmd's on loopback, which end with it. Needs Debian's packages and root.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use super::{free_port, wait_until};

/// Nodes of a cluster, and what each has.
const NODES: [&str; 2] = ["n1", "n2"];
const CPUS: usize = 4;

/// Makes a machine of its own of a node, which sees some folders of this one.
const APART: &str = r#"
hostname "$0"
mount -t tmpfs none /mnt
cat /proc/sys/kernel/random/uuid > /mnt/boot
mount --bind /mnt/boot /proc/sys/kernel/random/boot_id
count=0
for folder; do
  count=$((count + 1)); mkdir "/mnt/$count"; mount --bind "$folder" "/mnt/$count"
done
mount -t tmpfs none /tmp
count=0
for folder; do
  count=$((count + 1)); mkdir -p "$folder"; mount --bind "/mnt/$count" "$folder"
done
exec slurmd -D -N "$0"
"#;

pub struct Cluster {
    folder: tempfile::TempDir,
    /// What nodes see of this machine that are machines of their own.
    shared: Option<Vec<PathBuf>>,
    controller: Mutex<Option<Child>>,
    nodes: Mutex<Vec<(&'static str, Child)>>,
}

impl Cluster {
    /// A cluster whose nodes are idle.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with other settings.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_as(settings, None)
    }

    /// The same whose nodes are machines of their own, as far as that goes on one: with names, processes and a `/tmp` of their own,
    /// in which they see these folders alone.
    pub fn start_apart(shared: &[&Path]) -> Self {
        Self::start_as(&[], Some(shared.iter().map(|path| (*path).to_owned()).collect()))
    }

    fn start_as(settings: &[(&str, &str)], shared: Option<Vec<PathBuf>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["state", "spool", "log"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let host = String::from_utf8(Command::new("hostname").arg("-s").output().unwrap().stdout).unwrap();
        let (host, dir) = (host.trim(), path.display());
        let mut conf = format!(
            "ClusterName=loopback\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={}\nSlurmUser=root\nSlurmdUser=root\n\
             AuthType=auth/none\nCredType=cred/none\nMpiDefault=none\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
             JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\nJobCompType=jobcomp/none\n\
             SwitchType=switch/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nReturnToService=2\n\
             SchedulerType=sched/backfill\nSchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=100000\n\
             SlurmdParameters=config_overrides\nMaxArraySize=26\nMinJobAge=300\nKillWait=3\nInactiveLimit=0\n\
             StateSaveLocation={dir}/state\nSlurmdSpoolDir={dir}/spool/%n\nSlurmctldPidFile={dir}/slurmctld.pid\n\
             SlurmdPidFile={dir}/slurmd.%n.pid\nSlurmctldLogFile={dir}/log/slurmctld.log\nSlurmdLogFile={dir}/log/slurmd.%n.log\n",
            free_port()
        );
        for (name, value) in settings {
            let others = conf.lines().filter(|line| !line.starts_with(&format!("{name}=")));
            conf = others.flat_map(|line| [line, "\n"]).collect();
            conf += &format!("{name}={value}\n");
        }
        for node in NODES {
            fs::create_dir(path.join("spool").join(node)).unwrap();
            conf += &format!(
                "NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={} CPUs={CPUS} RealMemory=500 State=UNKNOWN\n",
                free_port()
            );
        }
        conf +=
            &format!("PartitionName=main Nodes={} Default=YES MaxTime=INFINITE State=UP\n", NODES.join(","));
        fs::write(path.join("slurm.conf"), conf).unwrap();
        let cluster = Self { folder, shared, controller: Mutex::default(), nodes: Mutex::default() };
        cluster.start_controller();
        for node in NODES {
            cluster.start_node(node);
        }
        wait_until("the nodes", || {
            let said = cluster.ask("sinfo", &["-h", "-N", "-o", "%T"]);
            said.lines().count() >= 2 && said.lines().all(|state| state == "idle")
        });
        cluster
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn conf(&self) -> PathBuf {
        self.path().join("slurm.conf")
    }

    fn daemon(&self, name: &str, words: &[&str]) -> Child {
        let said = File::options().create(true).append(true).open(self.path().join("log/said")).unwrap();
        let mut command = Command::new(name);
        command.args(words).env("SLURM_CONF", self.conf()).current_dir(self.path());
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap()
    }

    pub fn start_controller(&self) {
        *self.controller.lock().unwrap() = Some(self.daemon("slurmctld", &["-D"]));
    }

    /// Ends the controller, which first writes down what it knows.
    pub fn stop_controller(&self) {
        let mut controller = self.controller.lock().unwrap().take().unwrap();
        assert!(Command::new("kill").arg(controller.id().to_string()).status().unwrap().success());
        controller.wait().unwrap();
    }

    pub fn start_node(&self, node: &'static str) {
        let daemon = match &self.shared {
            None => self.daemon("slurmd", &["-D", "-N", node]),
            Some(shared) => {
                let apart = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"];
                let shared = shared.iter().map(PathBuf::as_path).chain([self.path()]);
                let shared: Vec<&str> = shared.map(|path| path.to_str().unwrap()).collect();
                self.daemon("unshare", &[&apart[..], &["sh", "-ec", APART, node], &shared].concat())
            }
        };
        self.nodes.lock().unwrap().push((node, daemon));
    }

    /// Kills the daemon of a node; jobs go on without it.
    pub fn kill_node(&self, node: &str) {
        let mut nodes = self.nodes.lock().unwrap();
        let at = nodes.iter().position(|(name, _)| *name == node).unwrap();
        let (_, mut daemon) = nodes.remove(at);
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// What a command of Slurm prints, whatever it complains of.
    pub fn ask(&self, program: &str, words: &[&str]) -> String {
        let output = Command::new(program).args(words).env("SLURM_CONF", self.conf()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Tells Slurm something, until it takes it.
    pub fn tell(&self, program: &str, words: &[&str]) {
        wait_until(&format!("{program} {words:?}"), || self.takes(program, words));
    }

    /// The same, which may come too late; whether it was taken.
    pub fn takes(&self, program: &str, words: &[&str]) -> bool {
        Command::new(program).args(words).env("SLURM_CONF", self.conf()).status().unwrap().success()
    }

    /// Has a job that is to run again do so soon. The queue would put it off for two minutes, at times just after it was asked not
    /// to: ask again until it runs. Not at once, because a node that is still told to end it in the same second refuses it.
    pub fn hurry(&self, job: &str) {
        let waiting = self.ask("squeue", &["-h", "-t", "PENDING", "-O", "EligibleTime", "-j", job]);
        let Ok(eligible) = waiting.trim().parse::<jiff::civil::DateTime>() else { return };
        if eligible > jiff::Zoned::now().datetime() + jiff::Span::new().seconds(10) {
            self.takes("scontrol", &["update", &format!("JobId={job}"), "StartTime=now+3"]);
        }
    }

    /// How it stands with the jobs that have not ended: their ids, states and reasons.
    pub fn jobs(&self) -> Vec<(String, String, String)> {
        let said = self.ask("squeue", &["-h", "-r", "-o", "%i|%T|%r"]);
        let field = |line: &str, at: usize| line.split('|').nth(at).unwrap_or_default().to_owned();
        said.lines().map(|line| (field(line, 0), field(line, 1), field(line, 2))).collect()
    }

    /// The jobs that have not ended.
    pub fn active(&self) -> Vec<String> {
        self.ask("squeue", &["-h", "-r", "-o", "%i"]).lines().map(str::to_owned).collect()
    }
}

impl Cluster {
    /// All that is known of it, for a test that fails.
    fn tell_all(&self) {
        let mut told = std::io::stderr();
        for (program, words) in [("squeue", &["-t", "all", "-l"][..]), ("sinfo", &["-N", "-l"])] {
            let _ = writeln!(told, "{program}:\n{}", self.ask(program, words));
        }
        for entry in fs::read_dir(self.path().join("log")).unwrap().flatten() {
            let text = fs::read(entry.path()).unwrap_or_default();
            let _ = writeln!(told, "{}:\n{}", entry.file_name().display(), String::from_utf8_lossy(&text));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell_all();
        }
        let jobs = self.active();
        if !jobs.is_empty() {
            self.ask("scancel", &jobs.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let daemons = self.nodes.lock().unwrap().drain(..).map(|(_, daemon)| daemon).collect::<Vec<_>>();
        for mut daemon in daemons.into_iter().chain(self.controller.lock().unwrap().take()) {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}
