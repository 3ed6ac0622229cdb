//! A bucket as errors name it: where it is, who asks it, and what is done about a refusal.

use std::sync::{Arc, Mutex, PoisonError};

use super::address::{Bucket, Service};

/// Whose credentials are used, as far as that is known: it is found out with the first request.
#[derive(Debug, Clone)]
pub struct Who(Arc<Mutex<String>>);

impl Who {
    pub fn new(words: &str) -> Self {
        Self(Arc::new(Mutex::new(words.to_owned())))
    }

    pub fn set(&self, words: &str) {
        words.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is done where credentials that were handed out do not do.
const GIVEN: &str = "ask the workspace's administrator to check the storage of the model's catalog: the same again asks for new credentials";

/// A bucket for those who read errors.
#[derive(Debug, Clone)]
pub struct Place {
    pub bucket: Bucket,
    /// Its server's address, and what sets it.
    pub endpoint: String,
    pub region: Option<String>,
    pub who: Who,
    /// Its credentials were handed out.
    pub is_given: bool,
    /// Seconds.
    pub patience: u64,
}

impl Place {
    pub fn uri(&self) -> String {
        self.bucket.uri()
    }

    pub fn bucket(&self) -> &str {
        &self.bucket.name
    }

    pub fn called(&self) -> &'static str {
        match self.bucket.service {
            Service::S3 | Service::Google => "bucket",
            Service::Azure => "container",
        }
    }

    pub fn server(&self) -> String {
        self.endpoint.clone()
    }

    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    pub fn who(&self) -> String {
        self.who.get()
    }

    pub fn patience(&self) -> u64 {
        self.patience
    }

    /// What is done when credentials are none, or no more.
    pub fn sign_in(&self) -> &'static str {
        if self.is_given {
            return GIVEN;
        }
        match self.bucket.service {
            Service::S3 => {
                "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile (AWS_PROFILE); `aws sso login` signs in again"
            }
            Service::Google => {
                "check GOOGLE_APPLICATION_CREDENTIALS; `gcloud auth application-default login` signs in again"
            }
            Service::Azure => {
                "check AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCESS_KEY; `az login` signs in again"
            }
        }
    }

    /// What is done when they are not enough.
    pub fn rights(&self) -> &'static str {
        if self.is_given {
            return GIVEN;
        }
        match self.bucket.service {
            Service::S3 => "ask the bucket's owner for s3:ListBucket, s3:GetObject and s3:PutObject",
            Service::Google => "ask the bucket's owner for the role Storage Object User",
            Service::Azure => "ask the account's owner for the role Storage Blob Data Contributor",
        }
    }

    /// What is done when its certificate is of nobody who is known.
    pub fn trust(&self) -> &'static str {
        match self.bucket.service {
            Service::S3 => {
                "set AWS_CA_BUNDLE to the authority to trust; MLFLOW_S3_IGNORE_TLS=true disables verification"
            }
            Service::Google | Service::Azure => "set REQUESTS_CA_BUNDLE to the authority to trust",
        }
    }
}
