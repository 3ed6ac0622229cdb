//! What file, environment and flags mean together.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::access::Access;
use super::artifacts::with_artifacts_server;
use super::environment::{Environment, Multiplexer, light_background, user_of_process};
use super::raw::{Color, Glyphs, GraphicsChoice, Notify, Palette, RawConfig, RawHttp, RawProfile};
use super::through::tunnel;
use super::{ConfigError, DefaultColumn, Folders, Selecting, Sweeping};
use crate::store::address::Address;
use crate::store::uri::{self, Auth, Location, RestOptions, UriOrigin};
use crate::sweep::begin::SameStore;

/// The variable that says the same as `--tracking-uri`.
const URI: &str = "MLTUI_TRACKING_URI";

/// What the command line says about settings.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// MLflow tracking URI: http(s)://HOST, sqlite:///FILE, postgresql://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE, databricks
    #[arg(long, global = true, value_name = "URI")]
    pub tracking_uri: Option<Address>,
    /// Profile from the config file to use
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "tracking_uri")]
    pub profile: Option<String>,
    /// Config file to read
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Disable every key and command that writes
    #[arg(long, global = true)]
    pub read_only: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<Color>,
}

/// Everything decided.
#[derive(Debug, Clone)]
pub struct Settings {
    pub config_file: PathBuf,
    pub config_exists: bool,
    /// Whether somebody named the config file.
    pub(super) config_is_named: bool,
    pub state_folder: PathBuf,
    pub tracking_uri: Address,
    pub origin: UriOrigin,
    pub location: Result<Location, crate::store::StoreError>,
    pub rest: RestOptions,
    pub experiment: Option<String>,
    pub read_only: bool,
    pub poll_interval: Duration,
    pub color: bool,
    /// How the terminal is to draw pixels.
    pub graphics: GraphicsChoice,
    pub multiplexer: Multiplexer,
    /// The environment says that the terminal is iTerm2.
    pub is_iterm2: bool,
    pub glyphs: Glyphs,
    pub mouse: bool,
    pub palette: Palette,
    /// The terminal says that it knows 24-bit colours.
    pub truecolor: bool,
    /// And that it knows 256 of them.
    pub indexed: bool,
    /// The terminal can be asked things; the Linux console would show the question.
    pub answers_questions: bool,
    /// Whether the background is light, where the environment tells.
    pub light: Option<bool>,
    pub notify: Notify,
    /// The columns of runs, before anybody chose others; none for those that tell most.
    pub columns: Vec<DefaultColumn>,
    pub selecting: Selecting,
    pub sweeping: Sweeping,
    /// Who writes, as far as that is known.
    pub user: String,
    pub profile: Option<String>,
    pub(super) raw: RawConfig,
}

impl Settings {
    /// What makes another process open the same store in the same way. What the environment says, it inherits.
    pub fn same_store(&self) -> SameStore {
        let mut same = SameStore::default();
        if self.config_exists {
            same.words.extend(["--config".into(), self.config_file.clone().into_os_string()]);
        }
        match &self.origin {
            UriOrigin::Profile(name) => same.words.extend(["--profile".into(), name.into()]),
            // Command lines are there for all to read, and an address can hold a password.
            UriOrigin::Flag => same.variables.push((URI, self.tracking_uri.clone())),
            _ => {}
        }
        same
    }

    /// The name under which things are kept for the store: the same however it is opened. An address behind another machine is
    /// that machine's: `10.0.0.5` and `db.internal` are others in each network.
    pub fn store_name(&self) -> String {
        match (&self.location, &self.rest.tunnel) {
            (Ok(location), Some(tunnel)) => location.name() + &tunnel.in_words(),
            (Ok(location), None) => location.name(),
            (Err(error), _) => error.to_string(),
        }
    }

    /// Goes into a workspace, where an address of a page may have led into another: its experiment is not in this one.
    pub fn enter_workspace(&mut self, name: &str) {
        let was = self.rest.workspace.replace(name.to_owned());
        self.rest.workspace.take_if(|name| name.is_empty());
        if was != self.rest.workspace && uri::experiment_of_page(self.tracking_uri.as_written()).is_some() {
            self.experiment = None;
        }
    }

    /// What to say of a database that was requested by its name and is not there.
    pub fn absent_file(&self) -> Option<String> {
        match &self.location {
            Ok(Location::Sqlite(database))
                if self.origin != UriOrigin::Default || database.path.is_symlink() =>
            {
                (!database.path.exists()).then(|| uri::no_file(&database.path))
            }
            _ => None,
        }
    }

    pub fn load(flags: &Flags, environment: &Environment, folders: &Folders) -> Result<Self, ConfigError> {
        let is_ours = |name: &&String| name.starts_with("MLFLOW_") || name.starts_with("MLTUI_");
        if let Some(name) = environment.unreadable.iter().find(is_ours) {
            return Err(ConfigError::Unreadable(name.clone()));
        }
        let named = flags.config.clone().or_else(|| environment.get("MLTUI_CONFIG").map(PathBuf::from));
        let config_file = named.clone().unwrap_or_else(|| folders.config_file());
        let raw = RawConfig::read(&config_file, named.is_some())?;
        let has_uri = flags.tracking_uri.is_some() || environment.get(URI).is_some();
        let profile_name = flags
            .profile
            .as_deref()
            .or_else(|| environment.get("MLTUI_PROFILE").filter(|_| !has_uri))
            .or_else(|| raw.profile.as_deref().filter(|_| !has_uri))
            .map(str::to_owned);
        let profile = profile_name.as_deref().map(|name| find_profile(&raw, name)).transpose()?;
        let (tracking_uri, origin) =
            tracking_uri(flags, &raw, profile_name.as_deref().zip(profile), environment);
        let location = uri::parse(tracking_uri.as_written(), &environment.folder);
        if matches!(location, Ok(Location::Databricks(_)))
            && let Some(name) = environment.unreadable.iter().find(|name| name.starts_with("DATABRICKS_"))
        {
            return Err(ConfigError::Unreadable(name.clone()));
        }
        let access =
            Access::find(location.as_ref().ok(), &origin, profile_name.as_deref().zip(profile), environment)?
                .of_page(tracking_uri.as_written())?;
        let location = completed(location, profile, &access, environment);
        let mut rest = rest_options(&raw.http, access, environment)?;
        rest.cache_folder = Some(folders.state.join("folders"));
        let location = with_artifacts_server(location, &mut rest, profile, environment)?;
        let through = tunnel(location.as_ref(), &origin, profile);
        let location = match through {
            Ok(Some(tunnel)) => {
                let location = location.map(|location| location.through(&tunnel));
                rest.tunnel = Some(tunnel);
                location
            }
            Ok(None) => location,
            Err(error) => Err(error),
        };
        let color = flags.color.unwrap_or(
            environment.parsed_enum("MLTUI_COLOR", "auto, always or never")?.unwrap_or(raw.tui.color),
        );
        let dumb = environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb");
        let experiment = uri::experiment_of_page(tracking_uri.as_written())
            .or_else(|| profile.and_then(|profile| profile.experiment.clone()))
            .or_else(|| environment.get("MLFLOW_EXPERIMENT_NAME").map(str::to_owned))
            .or_else(|| environment.get("MLFLOW_EXPERIMENT_ID").map(str::to_owned))
            .or_else(|| raw.experiment.clone());
        let read_only = flags.read_only
            || location.as_ref().is_ok_and(Location::is_read_only)
            || environment.boolean("MLTUI_READ_ONLY")?.unwrap_or(raw.read_only)
            || profile.is_some_and(|profile| profile.read_only);
        Ok(Self {
            config_exists: config_file.is_file(),
            config_is_named: named.is_some(),
            state_folder: folders.state.clone(),
            location,
            tracking_uri,
            origin,
            experiment,
            read_only,
            poll_interval: environment.poll_interval(raw.tui.poll_interval)?,
            color: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => !dumb,
            },
            glyphs: environment.parsed_enum("MLTUI_GLYPHS", "unicode or ascii")?.unwrap_or(raw.tui.glyphs),
            graphics: environment
                .parsed_enum("MLTUI_GRAPHICS", "auto, kitty, sixel, iterm2 or off")?
                .unwrap_or(raw.tui.graphics),
            multiplexer: environment.multiplexer(),
            is_iterm2: environment.is_iterm2(),
            mouse: environment.boolean("MLTUI_MOUSE")?.unwrap_or(raw.tui.mouse),
            palette: environment
                .parsed_enum("MLTUI_THEME", "auto, dark, light or 16")?
                .unwrap_or(raw.tui.theme),
            truecolor: matches!(environment.get("COLORTERM"), Some("truecolor" | "24bit")),
            indexed: environment.get("TERM").is_some_and(|term| term.contains("256")),
            answers_questions: !matches!(environment.get("TERM"), None | Some("dumb" | "linux")),
            light: environment.get("COLORFGBG").and_then(light_background),
            notify: environment
                .parsed_enum("MLTUI_NOTIFY", "off, bell or desktop")?
                .unwrap_or(raw.tui.notify),
            columns: raw
                .tui
                .columns
                .iter()
                .map(|text| DefaultColumn::parse(text, &config_file))
                .collect::<Result<_, _>>()?,
            user: user(&rest.auth, environment),
            rest,
            selecting: Selecting::new(&raw.select, &raw.models, &config_file)?,
            sweeping: Sweeping::new(&raw.sweep, &config_file)?,
            config_file,
            profile: profile_name,
            raw,
        })
    }

    /// The user's own keys.
    pub fn keys(&self) -> &BTreeMap<String, String> {
        &self.raw.keys
    }

    /// The profiles and their addresses, without credentials.
    pub fn profiles(&self) -> Vec<(String, String)> {
        let profiles = self.raw.profiles.iter();
        profiles.map(|(name, profile)| (name.clone(), profile.tracking_uri.to_string())).collect()
    }

    /// The settings in force, as a config file would say them, and where they come from. Secrets are redacted.
    pub fn show(&self) -> String {
        let mut text = String::new();
        let state = if self.config_exists { "" } else { " (no such file; these are the defaults)" };
        let _ = writeln!(text, "# config file: {}{state}", self.config_file.display());
        let _ = writeln!(text, "# tracking URI: {} (from {})", self.tracking_uri, self.origin);
        let _ = writeln!(text, "# credentials: {:?}", self.rest.auth);
        let _ = writeln!(
            text,
            "# http: timeout {} s, {} retries, backoff {} s + up to {} s",
            self.rest.timeout.as_secs_f64(),
            self.rest.max_retries,
            self.rest.backoff_factor,
            self.rest.backoff_jitter
        );
        let _ = writeln!(text, "# read_only: {}, color: {}\n", self.read_only, self.color);
        text.push_str(&toml::to_string_pretty(&self.raw).unwrap_or_else(|error| format!("# {error}\n")));
        text
    }
}

/// The user's name: the one for the server, or else as Python's `getpass.getuser` finds it.
fn user(auth: &Auth, environment: &Environment) -> String {
    if let Auth::Basic { user, password } = auth
        // A user without a password is a token.
        && !user.is_empty()
        && !password.is_empty()
    {
        return user.clone();
    }
    let names = ["LOGNAME", "USER", "LNAME", "USERNAME"];
    let named = names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    named.or_else(user_of_process).unwrap_or_else(|| "unknown".to_owned())
}

fn find_profile<'a>(raw: &'a RawConfig, name: &str) -> Result<&'a RawProfile, ConfigError> {
    raw.profiles.get(name).ok_or_else(|| {
        let names: Vec<&str> = raw.profiles.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        ConfigError::UnknownProfile { name: name.into(), known }
    })
}

fn tracking_uri(
    flags: &Flags,
    raw: &RawConfig,
    profile: Option<(&str, &RawProfile)>,
    environment: &Environment,
) -> (Address, UriOrigin) {
    if let Some(uri) = &flags.tracking_uri {
        return (uri.clone(), UriOrigin::Flag);
    }
    if let Some(uri) = environment.get(URI).filter(|_| flags.profile.is_none()) {
        return (uri.into(), UriOrigin::Environment(URI));
    }
    if let Some((name, profile)) = profile.filter(|(_, profile)| !profile.tracking_uri.is_empty()) {
        return (profile.tracking_uri.clone(), UriOrigin::Profile(name.to_owned()));
    }
    if let Some(uri) = environment.get("MLFLOW_TRACKING_URI") {
        return (uri.into(), UriOrigin::Environment("MLFLOW_TRACKING_URI"));
    }
    if let Some(uri) = &raw.tracking_uri {
        return (uri.clone(), UriOrigin::Config);
    }
    (uri::default_uri(&environment.folder).into(), UriOrigin::Default)
}

/// The location with what profile and environment say of a database server or a workspace.
fn completed(
    location: Result<Location, crate::store::StoreError>,
    profile: Option<&RawProfile>,
    access: &Access,
    environment: &Environment,
) -> Result<Location, crate::store::StoreError> {
    let location = match (location?, profile, &access.auth) {
        (location, Some(profile), Auth::Basic { user, password }) if profile.password_env.is_some() => {
            location.with_login(user, password)
        }
        (location, Some(profile), Auth::Bearer(token)) if profile.token_env.is_some() => {
            location.with_token(token)
        }
        (location, ..) => location,
    };
    location.completed(|name| environment.get(name).map(str::to_owned), environment.home.as_deref())
}

fn rest_options(
    http: &RawHttp,
    access: Access,
    environment: &Environment,
) -> Result<RestOptions, ConfigError> {
    let seconds = |name: &str, fallback: f64| -> Result<f64, ConfigError> {
        Ok(environment.seconds(name)?.unwrap_or(fallback))
    };
    let timeout = seconds("MLFLOW_HTTP_REQUEST_TIMEOUT", http.timeout)?;
    let retries = environment.parsed("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "a number from 0 to 10")?;
    Ok(RestOptions {
        auth: access.auth,
        insecure_tls: access.insecure_tls,
        ca_file: access.ca_file,
        insecure_tls_by: access.insecure_tls_by,
        ca_file_by: access.ca_file_by,
        client_cert: access.client_cert,
        workspace: access.workspace,
        max_retries: retries.unwrap_or(http.max_retries).min(10),
        backoff_factor: seconds("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", http.backoff_factor)?,
        backoff_jitter: seconds("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", http.backoff_jitter)?,
        timeout: Duration::try_from_secs_f64(timeout.max(0.001)).unwrap_or(Duration::from_secs(120)),
        respect_retry_after: environment
            .boolean("MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER")?
            .unwrap_or(http.respect_retry_after),
        allow_redirects: environment.boolean("MLFLOW_ALLOW_HTTP_REDIRECTS")?.unwrap_or(http.allow_redirects),
        pages_at_once: http.pages_at_once.clamp(1, RestOptions::MOST_PAGES),
        withheld: access.withheld,
        observer: None,
        cache_folder: None,
        tunnel: None,
        artifacts_server: None,
        artifacts_auth: Auth::None,
    })
}
