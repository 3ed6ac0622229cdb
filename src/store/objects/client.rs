//! The client of a bucket, whichever service it is of. Where the bucket says that it is in another region, it is asked there, as
//! boto3 does it.

use std::sync::{Arc, Mutex, PoisonError};

use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::{Attribute, Attributes, ObjectStore, PutMultipartOptions, PutOptions, TagSet};

use super::address::{Bucket, Service};
use super::environment::Environment;
use super::failure::{Refusal, cause, kind_of};
use super::given::{Given, is_of_credentials};
use super::place::Place;
use super::s3::S3;
use super::{azure, google, kinds};
use crate::store::Inner;

/// All that is asked of a store.
pub trait Keeper: ObjectStore + PaginatedListStore + MultipartStore {}

impl<T: ObjectStore + PaginatedListStore + MultipartStore> Keeper for T {}

/// How a bucket is asked at present.
#[derive(Debug)]
pub struct Asked {
    pub reader: Arc<dyn Keeper>,
    /// Its requests make objects, with what uploads are given besides.
    pub writer: Arc<dyn Keeper>,
    pub place: Place,
}

#[derive(Debug)]
pub struct Client {
    asked: Mutex<Arc<Asked>>,
    s3: Option<S3>,
    service: Service,
    given: Option<Arc<Given>>,
}

impl Client {
    /// By credentials that were handed out, or those of the environment.
    pub fn open(bucket: &Bucket, environment: &Environment, given: Option<Arc<Given>>) -> Inner<Self> {
        let both =
            |keeper: Arc<dyn Keeper>, place| Asked { writer: Arc::clone(&keeper), reader: keeper, place };
        let (asked, s3) = match bucket.service {
            Service::S3 => {
                let s3 = S3::new(bucket, environment, given.as_ref())?;
                (in_region(&s3, &s3.region)?, Some(s3))
            }
            Service::Google => {
                let (keeper, place) = google::open(bucket, environment, given.as_ref())?;
                (both(Arc::new(keeper), place), None)
            }
            Service::Azure => {
                let (keeper, place) = match &given {
                    Some(given) => azure::open_given(bucket, environment, given, None)?,
                    None => azure::open(bucket, environment)?,
                };
                (both(Arc::new(keeper), place), None)
            }
        };
        Ok(Self { asked: Mutex::new(Arc::new(asked)), s3, service: bucket.service, given })
    }

    pub fn asked(&self) -> Arc<Asked> {
        Arc::clone(&self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks something about `path`.
    pub async fn call<T, F, A>(&self, path: &str, work: F) -> Inner<T>
    where
        F: Fn(Arc<Asked>) -> A + Send,
        A: Future<Output = object_store::Result<T>> + Send,
    {
        let mut asked = self.asked();
        let round = match &self.given {
            Some(given) => given.round().await,
            None => 0,
        };
        let mut failure = match work(Arc::clone(&asked)).await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        if let Some(given) = &self.given
            && is_of_credentials(&failure)
        {
            given.renew(round).await?;
            asked = self.asked();
            failure = match work(Arc::clone(&asked)).await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
        }
        let told = cause::<Refusal>(&failure).and_then(|refusal| refusal.region.clone());
        let other = told.filter(|region| asked.place.region() != Some(region) && is_region(region));
        let (Some(s3), Some(region)) = (&self.s3, other) else {
            return Err(kind_of(&failure, &asked.place, path));
        };
        tracing::debug!(%region, "the bucket is in another region");
        let asked = Arc::new(in_region(s3, &region)?);
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&asked);
        work(Arc::clone(&asked)).await.map_err(|failure| kind_of(&failure, &asked.place, path))
    }

    /// What an object is sent with.
    pub fn options(&self, path: &str) -> PutOptions {
        let (attributes, tags) = self.besides(path);
        PutOptions { attributes, tags, ..PutOptions::default() }
    }

    /// The same for one that is sent in parts.
    pub fn options_of_parts(&self, path: &str) -> PutMultipartOptions {
        match self.service {
            Service::S3 | Service::Google => {
                let (attributes, tags) = self.besides(path);
                PutMultipartOptions { attributes, tags, ..PutMultipartOptions::default() }
            }
            Service::Azure => PutMultipartOptions::default(),
        }
    }

    fn besides(&self, path: &str) -> (Attributes, TagSet) {
        let extra = self.s3.as_ref().map(S3::extra);
        let mut attributes = extra.map_or_else(Attributes::new, |extra| extra.attributes.clone());
        if let Some(kind) = kinds::of(path)
            && attributes.get(&Attribute::ContentType).is_none()
        {
            attributes.insert(Attribute::ContentType, kind.into());
        }
        (attributes, extra.map_or_else(TagSet::default, |extra| extra.tags.clone()))
    }
}

fn in_region(s3: &S3, region: &str) -> Inner<Asked> {
    let clients = s3.clients(region)?;
    Ok(Asked { reader: Arc::new(clients.reader), writer: Arc::new(clients.writer), place: s3.place(region) })
}

/// It becomes a part of a host's name.
fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
