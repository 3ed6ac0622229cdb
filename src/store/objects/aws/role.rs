//! A role that is assumed with the keys of somebody else, as a profile says.

use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpError, HttpRequest, HttpRequestBody};

use super::super::environment::Environment;
use super::super::failure::{Refusal, cause, element};
use super::super::transport::{Wire, request_of};
use super::{Keys, Profile, seconds, wrong};
use crate::store::Inner;
use crate::store::reasons::innermost;

/// An answer is not longer.
const MOST: usize = 1 << 20;
const HINT: &str = "check role_arn and source_profile in ~/.aws/config, and who may assume that role";

/// Assumes the role of a profile.
pub async fn assume(
    profile: &Profile,
    name: &str,
    arn: &str,
    by: &AwsCredential,
    environment: &Environment,
    wire: &Wire,
) -> Inner<Keys> {
    if let Some(device) = profile.get("mfa_serial") {
        return Err(wrong(
            format!("profile {name:?} asks for a code of {device}, which cannot be entered here"),
            "get keys by `aws configure export-credentials --profile NAME --format env`, and start again with these",
        ));
    }
    let region = profile
        .get("region")
        .or_else(|| environment.first(&["AWS_DEFAULT_REGION", "AWS_REGION"]).map(|(_, region)| region));
    let region = region.unwrap_or("us-east-1");
    let usual = format!("https://sts.{region}.amazonaws.com{}", super::super::s3::suffix(region));
    let server = environment
        .first(&["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"])
        .map_or(usual.as_str(), |(_, url)| url);
    let server = server.trim_end_matches('/');
    let failed = |why: String| wrong(format!("profile {name:?} cannot assume {arn}: {why}"), HINT);
    let told = |error: &HttpError| match cause::<Refusal>(error) {
        Some(refusal) => failed(format!("{}: {}", refusal.code, refusal.message)),
        None => failed(format!("{server}: {}", innermost(error))),
    };
    let mut request = HttpRequest::new(HttpRequestBody::from(form(profile, arn, environment)));
    *request.method_mut() = reqwest::Method::POST;
    *request.uri_mut() =
        format!("{server}/").parse().map_err(|error| failed(format!("{server}: {error}")))?;
    request.headers_mut().insert(
        reqwest::header::CONTENT_TYPE,
        reqwest::header::HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    let signed = AwsAuthorizer::new(by, "sts", region).try_authorize(&mut request, None);
    signed.map_err(|error| failed(error.to_string()))?;
    let request = request_of(request).map_err(|error| told(&error))?;
    let response = wire.ask(request).await.map_err(|error| told(&error))?;
    let text = wire.text(response, MOST).await.map_err(|error| told(&error))?;
    let need =
        |name: &str| element(&text, name).ok_or_else(|| failed(format!("{server} answers with no {name}")));
    let until = seconds(&need("Expiration")?);
    Ok(Keys::new(&need("AccessKeyId")?, &need("SecretAccessKey")?, Some(&need("SessionToken")?), until))
}

/// What is asked for.
fn form(profile: &Profile, arn: &str, environment: &Environment) -> String {
    let session = environment.get("AWS_ROLE_SESSION_NAME").or_else(|| profile.get("role_session_name"));
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "AssumeRole").append_pair("Version", "2011-06-15").append_pair("RoleArn", arn);
    form.append_pair("RoleSessionName", session.unwrap_or("mltui"));
    for (setting, parameter) in [("external_id", "ExternalId"), ("duration_seconds", "DurationSeconds")] {
        if let Some(value) = profile.get(setting) {
            form.append_pair(parameter, value);
        }
    }
    form.finish()
}
