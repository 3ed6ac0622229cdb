//! What `mltui doctor` says of a cluster: whether Slurm is there, and whether its nodes can reach the store.

use std::io;
use std::path::Path;

use crate::config::Settings;
use crate::store::uri::Location;
use crate::sweep::executor::slurm::ask;

/// Partitions that are named.
const NAMED: usize = 10;
/// File systems that several machines see, as `/proc/self/mounts` names them.
const SHARED: [&str; 13] = [
    "nfs",
    "nfs4",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "cephfs",
    "glusterfs",
    "orangefs",
    "panfs",
    "wekafs",
    "cifs",
    "afs",
];

/// Says how it stands; nothing where there is no Slurm.
pub fn tell(settings: &Settings, line: &mut impl FnMut(&str, &str) -> io::Result<()>) -> io::Result<()> {
    let version = match ask("sbatch", &["--version".to_owned()]) {
        Ok(version) => version.trim().to_owned(),
        Err(error) => {
            let is_wanted = settings.sweeping.defaults.executor.slurm().is_some();
            return if is_wanted { line("slurm", &error.to_string()) } else { Ok(()) };
        }
    };
    let partitions = ask("sinfo", &["-h", "-o", "%P|%D|%a"].map(str::to_owned));
    match partitions.map(|text| in_words(&text)) {
        Ok(partitions) => line("slurm", &format!("{version}; partitions {partitions}"))?,
        Err(error) => return line("slurm", &format!("{version}; {error}")),
    }
    match &settings.location {
        Ok(_) if settings.rest.tunnel.is_some() => line(
            "",
            "nodes of Slurm do not go through the ssh of this machine: ssh_host is not for their sweeps",
        ),
        Ok(location) if is_local_server(location) => line(
            "",
            "nodes of Slurm cannot reach a server of this machine's own address; name it by the machine's name",
        ),
        Ok(location @ (Location::Postgres(_) | Location::MySql(_))) => line(
            "",
            &format!(
                "nodes of Slurm log to the database server at {}, which has to let them in",
                location.database_server().unwrap_or_default()
            ),
        ),
        Ok(Location::Server(_)) => line("", "nodes of Slurm log to the server, which has to let them in"),
        Ok(Location::Databricks(_)) => {
            line("", "nodes of Slurm log to the Databricks workspace, which they have to reach")
        }
        Ok(Location::Sqlite(database)) => {
            let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
            let path = std::path::absolute(&database.path).unwrap_or_else(|_| database.path.clone());
            line("", &of_file(&path, file_system(&mounts, &path)))
        }
        Ok(Location::Folder(path)) => line(
            "",
            &format!(
                "nodes of Slurm log to {}, which has to be on a file system that they share",
                path.display()
            ),
        ),
        Err(_) => Ok(()),
    }
}

/// What a database file means for trials on nodes.
fn of_file(path: &Path, kind: Option<&str>) -> String {
    let path = path.display();
    match kind.filter(|kind| SHARED.contains(kind) || kind.starts_with("fuse.")) {
        Some(kind) => format!(
            "WARNING: {path} lies on a shared file system ({kind}), where SQLite files break when several nodes write; use a \
             server, or scripts that print their metrics: those are logged by the sweep alone, as are built-in families"
        ),
        None => format!(
            "WARNING: nodes of Slurm may not see {path} ({}); use a server, or scripts that print their metrics: those are \
             logged by the sweep alone, as are built-in families",
            kind.unwrap_or("file system unknown")
        ),
    }
}

/// The kind of file system that a path lies on.
fn file_system<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (point, kind) = (fields.nth(1)?, fields.next()?);
        Some((point.replace("\\040", " "), kind))
    });
    let above = mounts.filter(|(point, _)| path.starts_with(point));
    // The last of several at one place hides the others.
    above.enumerate().max_by_key(|(at, (point, _))| (point.len(), *at)).map(|(_, (_, kind))| kind)
}

/// Whether a server has an address that means another machine on each.
pub fn is_local_server(location: &Location) -> bool {
    matches!(location, Location::Server(url) if is_local(url.host_str()))
}

fn is_local(host: Option<&str>) -> bool {
    host.is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
}

/// `main* (2 nodes), gpu (8 nodes, down)`
fn in_words(text: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('|');
        let (Some(name), Some(nodes), Some(state)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let state = if state.trim() == "up" { String::new() } else { format!(", {}", state.trim()) };
        let nodes = if nodes == "1" { "1 node".to_owned() } else { format!("{nodes} nodes") };
        known.push(format!("{name} ({nodes}{state})"));
    }
    let more = known.len().saturating_sub(NAMED);
    known.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if known.is_empty() { "none".into() } else { format!("{}{more}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named() {
        assert_eq!(in_words("main*|2|up\ngpu|1|down\n"), "main* (2 nodes), gpu (1 node, down)");
        assert_eq!(in_words(""), "none");
        assert!(in_words(&"p|1|up\n".repeat(12)).ends_with(" and 2 more"));
    }

    #[test]
    fn a_database_on_a_shared_file_system_gets_a_warning_and_a_way_out() {
        let mounts = "/dev/sda1 / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n/dev/sdb /home/my\\040disk xfs rw 0 0\n";
        let of = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!(
            (of("/home/ana/mlflow.db"), of("/tmp/x"), of("/homes/x")),
            (Some("nfs4"), Some("ext4"), Some("ext4"))
        );
        assert_eq!(of("/home/my disk/mlflow.db"), Some("xfs"));
        let words = of_file(Path::new("/home/ana/mlflow.db"), Some("nfs4"));
        assert!(words.contains("shared file system (nfs4)") && words.contains("use a server"), "{words}");
        assert!(of_file(Path::new("/tmp/x"), Some("ext4")).contains("may not see /tmp/x (ext4)"));
        assert!(is_local(Some("127.0.0.1")) && !is_local(Some("mlflow.lab")) && !is_local(None));
    }
}
