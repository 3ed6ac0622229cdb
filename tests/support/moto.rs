//! A server with the interface of S3, moto's from PyPI, that lets in only whom it knows; and boto3, by which MLflow's client asks it.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::{V3, free_port, installed, wait_until};

/// Without what MLflow's own environment has.
const PACKAGES: &[&str] = &[
    "moto==5.2.5",
    "boto3==1.44.8",
    "botocore==1.44.8",
    "s3transfer==0.19.3",
    "jmespath==1.1.0",
    "responses==0.26.3",
    "xmltodict==1.0.4",
    "py-partiql-parser==0.6.3",
];
/// Requests until it looks at who asks: those that make a user, its rights and its key, a bucket, and a role with its rights and
/// temporary credentials.
const OPEN_REQUESTS: &str = "7";
const MAKE: &str = r#"
import boto3, json
known = {"endpoint_url": sys.argv[1], "region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
users = boto3.client("iam", **known)
users.create_user(UserName="ana")
rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]}
users.put_user_policy(UserName="ana", PolicyName="all", PolicyDocument=json.dumps(rights))
key = users.create_access_key(UserName="ana")["AccessKey"]
boto3.client("s3", **known).create_bucket(Bucket="models")
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
role = users.create_role(RoleName="catalog", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
users.put_role_policy(RoleName="catalog", PolicyName="all", PolicyDocument=json.dumps(rights))
given = boto3.client("sts", **known).assume_role(RoleArn=role, RoleSessionName="catalog")["Credentials"]
print(key["AccessKeyId"], key["SecretAccessKey"], given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
"#;

/// The server, with the bucket `models`; it ends with the test program.
pub struct Moto {
    process: Child,
    pub port: u16,
    pub key: String,
    pub secret: String,
    /// A key, its secret and its token, as they are handed out for a while.
    pub temporary: [String; 3],
}

/// Where the packages are, which are installed on first use.
pub fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| installed("moto", PACKAGES))
}

impl Moto {
    /// One that several tests use, each with keys of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("sh");
        command
            .args(["-c", "\"$@\" & cat > /dev/null; kill -9 0", "sh"])
            .arg(V3.python())
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .env("PYTHONPATH", packages())
            .env("INITIAL_NO_AUTH_ACTION_COUNT", OPEN_REQUESTS)
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let process = command.spawn().unwrap();
        wait_until("the object store", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let mut moto =
            Self { process, port, key: String::new(), secret: String::new(), temporary: Default::default() };
        let made = python(MAKE, &[&moto.uri()]);
        let made: Vec<String> = made.split_whitespace().map(str::to_owned).collect();
        let [key, secret, temporary @ ..] = <[String; 5]>::try_from(made).unwrap();
        (moto.key, moto.secret, moto.temporary) = (key, secret, temporary);
        moto
    }

    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What a client's environment has to hold.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("MLFLOW_S3_ENDPOINT_URL", self.uri()),
            ("AWS_ACCESS_KEY_ID", self.key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.clone()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ]
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Runs a program in a Python that knows boto3.
pub fn python(program: &str, arguments: &[&str]) -> String {
    let program = format!("import sys\nsys.path.insert(0, {:?})\n{program}", packages().to_str().unwrap());
    V3.run(&program, arguments)
}
