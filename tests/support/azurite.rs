//! A server with the interface of Azure's object store: Azurite, Microsoft's own emulator, from npm.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{V3, free_port, run, wait_until};

const PACKAGE: &str = "azurite@3.35.0";
/// The account that everybody knows.
pub const ACCOUNT: &str = "devstoreaccount1";
pub const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// Makes the container `models`.
const MAKE: &str = r#"
import base64, datetime, hashlib, hmac, sys, urllib.request
at, account, key = sys.argv[1:]
date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
signed = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/{account}/{account}/models\nrestype:container"
signature = base64.b64encode(hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()).decode()
headers = {"x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {account}:{signature}", "Content-Length": "0"}
urllib.request.urlopen(urllib.request.Request(f"{at}/models?restype=container", method="PUT", headers=headers))
"#;

/// The server, with the container `models`; it ends with its owner.
pub struct Azurite {
    process: Child,
    port: u16,
}

/// Where its package is, which is installed on first use.
fn package() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("azurite");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let ready = folder.join(".ready");
    if fs::read_to_string(&ready).ok().as_deref() != Some(PACKAGE) {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--omit=dev", PACKAGE]);
        run(npm.current_dir(&folder), "npm install of azurite");
        fs::write(&ready, PACKAGE).unwrap();
    }
    folder
}

impl Azurite {
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("node");
        command
            .arg(package().join("node_modules/.bin/azurite-blob"))
            .args(["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"])
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let azurite = Self { process: command.spawn().unwrap(), port };
        wait_until("Azurite", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        V3.run(MAKE, &[&azurite.uri(), ACCOUNT, KEY]);
        azurite
    }

    fn uri(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    /// What `AZURE_STORAGE_CONNECTION_STRING` has to be for somebody with that key.
    pub fn connection(&self, key: &str) -> String {
        format!(
            "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={};",
            self.uri()
        )
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
