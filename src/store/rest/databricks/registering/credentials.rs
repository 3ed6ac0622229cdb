//! Temporary credentials for the storage of a model's version, as the workspace hands them out.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::only_with_mlflow;
use crate::store::objects::{Issued, Issuer, Secret};
use crate::store::rest::client::{Client, Repeat};
use crate::store::rest::wire::{int, required, text};
use crate::store::{ErrorKind, Inner};

/// Asks for credentials of one version.
#[derive(Debug)]
pub struct Credentials {
    pub client: Arc<Client>,
    pub name: String,
    pub version: u64,
}

#[async_trait]
impl Issuer for Credentials {
    async fn issue(&self) -> Inner<Issued> {
        let route = "2.0/mlflow/unity-catalog/model-versions/generate-temporary-credentials";
        let body = json!({
            "name": self.name,
            "version": self.version.to_string(),
            "operation": "MODEL_VERSION_OPERATION_READ_WRITE",
        });
        let answer = self.client.post(route, &body, Repeat::Safe).await?;
        answer.required("credentials", issued)
    }
}

fn issued(value: &Value) -> Inner<Issued> {
    if value["storage_mode"] == "DEFAULT_STORAGE" {
        return Err(only_with_mlflow("its catalog is in Databricks' own storage"));
    }
    let part = |name: &str| value.get(name).filter(|part| part.is_object());
    let field = |part: &Value, name: &str| {
        required(part, name, text).map_err(|_| {
            // What there is instead is not told: it may be a secret.
            ErrorKind::Protocol(format!("temporary credentials without {name}"))
        })
    };
    let secret = if let Some(keys) = part("aws_temp_credentials").or_else(|| part("r2_temp_credentials")) {
        let token = field(keys, "session_token")?;
        Secret::aws(&field(keys, "access_key_id")?, &field(keys, "secret_access_key")?, &token)
    } else if let Some(signature) = part("azure_user_delegation_sas") {
        Secret::azure(&field(signature, "sas_token")?)
    } else if let Some(token) = part("gcp_oauth_token") {
        Secret::google(&field(token, "oauth_token")?)
    } else {
        return Err(only_with_mlflow("its storage is of an unknown kind"));
    };
    let until = value.get("expiration_time").and_then(|time| int(time).ok()).filter(|time| *time > 0);
    Ok(Issued {
        secret,
        until,
        encryption: encryption(&value["encryption_details"]["sse_encryption_details"]),
    })
}

fn encryption(told: &Value) -> Vec<(&'static str, String)> {
    const HOW: &str = "aws_server_side_encryption";
    match told["algorithm"].as_str() {
        Some("AWS_SSE_S3") => vec![(HOW, "AES256".to_owned())],
        Some("AWS_SSE_KMS") => {
            let key = told["aws_kms_key_arn"].as_str().unwrap_or_default().to_owned();
            vec![(HOW, "aws:kms".to_owned()), ("aws_sse_kms_key_id", key)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_credentials_of_its_own() {
        let keys = json!({ "access_key_id": "ASIA", "secret_access_key": "hidden-key", "session_token": "hidden-token" });
        let known = issued(&json!({
            "aws_temp_credentials": keys, "expiration_time": "1700000000000",
            "encryption_details": { "sse_encryption_details": { "algorithm": "AWS_SSE_KMS", "aws_kms_key_arn": "arn:k" } },
        }));
        let known = known.unwrap();
        assert_eq!(known.until, Some(1_700_000_000_000));
        assert_eq!(known.encryption[1], ("aws_sse_kms_key_id", "arn:k".to_owned()));
        assert!(matches!(&known.secret, Secret::Aws(keys) if keys.token.as_deref() == Some("hidden-token")));
        assert!(matches!(issued(&json!({ "r2_temp_credentials": keys })).unwrap().secret, Secret::Aws(_)));
        let azure = json!({ "azure_user_delegation_sas": { "sas_token": "?sv=2023-11-03&sig=a%2Bb%3D" } });
        assert!(matches!(
            issued(&azure).unwrap().secret,
            Secret::Azure(known) if matches!(&*known, object_store::azure::AzureCredential::SASToken(pairs)
                if pairs[1] == ("sig".to_owned(), "a+b=".to_owned()))
        ));
        let google = issued(&json!({ "gcp_oauth_token": { "oauth_token": "ya29.x" } })).unwrap();
        assert!(matches!(google.secret, Secret::Google(token) if token.bearer == "ya29.x"));
        for (value, word) in [
            (json!({ "storage_mode": "DEFAULT_STORAGE" }), "own storage"),
            (json!({ "tape": {} }), "unknown kind"),
            (json!({ "aws_temp_credentials": { "access_key_id": ["hidden-key"] } }), "without session_token"),
        ] {
            let refused = issued(&value).unwrap_err().to_string();
            assert!(refused.contains(word) && !refused.contains("hidden"), "{refused}");
        }
    }
}
