//! Artifact addresses that lead to object stores: `s3://bucket/key`, `gs://bucket/key`, `abfss://container@account…/key` and
//! `wasbs://container@account…/key`.

use crate::store::{ErrorKind, Inner};

/// Whose interface a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    S3,
    Google,
    Azure,
}

/// The hosts of Azure's own, in whichever country: no other is handed a key or a token.
const AZURE: [&str; 4] =
    ["core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net", "fabric.microsoft.com"];

/// Where objects are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bucket {
    pub service: Service,
    /// Of the scheme as it was written.
    pub scheme: String,
    /// The bucket, or Azure's container.
    pub name: String,
    /// The host of Azure's account; else nothing.
    pub host: String,
}

impl Bucket {
    /// The address of its root.
    pub fn uri(&self) -> String {
        if self.host.is_empty() {
            format!("{}://{}", self.scheme, self.name)
        } else {
            format!("{}://{}@{}", self.scheme, self.name, self.host)
        }
    }

    /// The account of Azure that it is in.
    pub fn account(&self) -> &str {
        self.host.split('.').next().unwrap_or_default()
    }
}

/// Whose interface a scheme means.
fn service(uri: &str) -> Option<(Service, &str, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    let service = match scheme.to_ascii_lowercase().as_str() {
        "s3" => Service::S3,
        "gs" => Service::Google,
        "abfss" | "abfs" | "wasbs" | "wasb" => Service::Azure,
        _ => return None,
    };
    Some((service, scheme, rest))
}

/// Whether an address leads to an object store.
pub fn is_in_objects(uri: &str) -> bool {
    service(uri).is_some()
}

/// Where the path of an address ends: of an object store's, before what stands behind a ?.
pub fn path_end(uri: &str) -> usize {
    let end = if is_in_objects(uri) { uri.find(['?', '#']) } else { None };
    end.unwrap_or(uri.len())
}

/// What lies below an address: before what stands behind a ?, as MLflow has it.
pub fn below(uri: &str, rest: &str) -> String {
    let (path, query) = uri.split_at(path_end(uri));
    format!("{}/{rest}{query}", path.trim_end_matches('/'))
}

/// The service of an address that nobody here speaks.
pub fn unsupported(uri: &str) -> Option<&'static str> {
    let (scheme, _) = uri.split_once(':')?;
    match scheme.to_ascii_lowercase().as_str() {
        "hdfs" | "viewfs" => Some("HDFS"),
        "ftp" => Some("FTP"),
        "sftp" => Some("SFTP"),
        _ => None,
    }
}

/// The bucket of an address, and the key in it.
pub fn parse(uri: &str) -> Inner<(Bucket, String)> {
    let wrong =
        |why: &str| ErrorKind::Invalid(format!("the artifact location {uri:?} cannot be opened: {why}"));
    let (service, scheme, rest) = service(uri).ok_or_else(|| wrong("it is no object store"))?;
    // What is behind a ? is MLflow's, and no part of a key.
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (place, key) = rest.split_once('/').unwrap_or((rest, ""));
    let (name, host) = match service {
        Service::S3 if place.starts_with("arn:") => {
            return Err(wrong("access points (arn:) are not supported"));
        }
        Service::S3 | Service::Google if place.contains('@') => {
            return Err(wrong("it holds a user or password; credentials are those of the environment"));
        }
        Service::S3 | Service::Google => (place, ""),
        Service::Azure => {
            let (container, host) = place.split_once('@').ok_or_else(|| {
                wrong("it needs CONTAINER@ACCOUNT.blob.core.windows.net, or …dfs.core.windows.net")
            })?;
            let is_azures = host.split_once('.').is_some_and(|(account, rest)| {
                let rest = rest.strip_prefix("blob.").or_else(|| rest.strip_prefix("dfs."));
                !account.is_empty() && rest.is_some_and(|rest| AZURE.contains(&rest))
            });
            if !is_azures {
                return Err(wrong("its host is none of Azure's storage"));
            }
            (container, host)
        }
    };
    if name.is_empty() {
        return Err(wrong("it names no bucket"));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:$".contains(&byte)) {
        return Err(wrong("its bucket has no possible name"));
    }
    let bucket = Bucket {
        service,
        scheme: scheme.to_ascii_lowercase(),
        name: name.to_owned(),
        host: host.to_ascii_lowercase(),
    };
    Ok((bucket, key.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_bucket_and_a_key() {
        for (uri, bucket, key) in [
            ("s3://bucket/a/b%20c/", "s3://bucket", "a/b%20c"),
            ("S3://bucket", "s3://bucket", ""),
            ("s3://b/x/7?region=a", "s3://b", "x/7"),
            ("gs://b.example.org/x", "gs://b.example.org", "x"),
            ("abfss://c@acc.dfs.core.windows.net/x/y", "abfss://c@acc.dfs.core.windows.net", "x/y"),
            ("wasbs://c@acc.blob.core.chinacloudapi.cn/x", "wasbs://c@acc.blob.core.chinacloudapi.cn", "x"),
        ] {
            assert!(is_in_objects(uri));
            let (found, at) = parse(uri).unwrap();
            assert_eq!((found.uri().as_str(), at.as_str()), (bucket, key));
        }
        assert_eq!(parse("wasbs://c@acc.blob.core.windows.net/x").unwrap().0.account(), "acc");
        for uri in [
            "/x",
            "file:///x",
            "hdfs://h/x",
            "dbfs:/x",
            "mlflow-artifacts:/1",
            "http://h/x",
            "s3:/b/x",
            "b/s3://x",
        ] {
            assert!(!is_in_objects(uri), "{uri}");
        }
        assert_eq!(below("s3://b/x/?region=a", "7/artifacts"), "s3://b/x/7/artifacts?region=a");
        assert_eq!(below("/a/what?/", "7"), "/a/what?/7");
        assert_eq!((unsupported("hdfs://h/x"), unsupported("s3://b")), (Some("HDFS"), None));
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        for (uri, word) in [
            ("s3:///x", "no bucket"),
            ("s3://key:secret@bucket/x", "credentials"),
            ("s3://arn:aws:s3:eu-west-1:1:accesspoint/x", "access points"),
            ("s3://a b/x", "possible name"),
            ("abfss://container/x", "CONTAINER@ACCOUNT"),
            // It would be handed the key of the account, or a token.
            ("abfss://c@acc.dfs.core.windows.net.example.org/x", "none of Azure's"),
            ("wasbs://c@example.org/x", "none of Azure's"),
        ] {
            let refused = parse(uri).unwrap_err().to_string();
            assert!(refused.contains(word), "{uri}: {refused}");
        }
    }
}
