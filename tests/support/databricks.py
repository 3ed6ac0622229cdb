"""A stand-in for a Databricks workspace, in front of a real MLflow server that keeps what is written.

It answers as the public reference of the REST API, and MLflow's own client for Databricks, have it:
- no request without `Authorization: Bearer TOKEN`; tokens of a service principal from /oidc/v1/token (basic authentication,
  grant_type=client_credentials, scope=all-apis), which end after EXPIRES seconds, or when they are revoked;
- experiments are named by absolute paths; files of runs and models lie under dbfs:/databricks/mlflow-tracking/; page tokens
  tell nothing; there is no /version, no server-info, no page of MLflow's own, no bulk history, no artifact service: all of
  these are 404 ENDPOINT_NOT_FOUND;
- files are read and written at signed addresses, of the kind that the name of the file asks for (azure, adls, gcp, else AWS),
  which refuse an Authorization header, another method or path, a missing header, and being old; Azure's take blocks and a
  list, or a file that is made, appended to and flushed; parts are read by Range and If-Range, with strong ETags;
- models in Unity Catalog (2.0/mlflow/unity-catalog/...) in the shapes of MLflow's own messages: requests with unknown fields
  are refused, names have three parts, lists come without tags and aliases, filters have one condition, tags have no
  punctuation in their names, at most 1000 characters and 50 of them; the workspace's older registry has no aliases;
- a new version in Unity Catalog is PENDING_REGISTRATION until it is finalized; its files go to a bucket, by temporary credentials
  that are handed out for writing before that, and for reading afterwards.

Other than the real thing: no Files API; no rights, groups or limits of rates; ids are MLflow's; the older registry and Unity Catalog share
the names of MLflow's registry; the temporary credentials are always the same, let in by the whole bucket, and are Amazon's; whether
the files of a version are there is not looked at; the clocks of signed addresses are not looked at unless a test makes them old
(POST /stand-in/age); S3's and Azure's signatures of addresses are not computed. A test may ask for wrong credentials once
(/stand-in/stale), for none until it says so (/stand-in/hold, /stand-in/release), for a bucket that is not there
(/stand-in/bucket?name=NAME), and for the Files API alone (/stand-in/files-api).

Arguments: port of the server, token, client id, client secret, seconds that tokens hold; key id, secret and session token of the
bucket, where there is one. Prints its port."""
import base64, hashlib, json, re, secrets, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import requests
from mlflow.protos import databricks_uc_registry_messages_pb2 as uc
from mlflow.utils.proto_json_utils import message_to_json, parse_dict
from google.protobuf.json_format import ParseDict, ParseError

SERVER, TOKEN, CLIENT, SECRET, EXPIRES = f"http://127.0.0.1:{sys.argv[1]}", *sys.argv[2:5], int(sys.argv[5])
HERE, THERE = "dbfs:/databricks/mlflow-tracking/", "mlflow-artifacts:/"
STORE = f"{SERVER}/api/2.0/mlflow-artifacts/artifacts/"
UC = "/api/2.0/mlflow/unity-catalog/"
KINDS = {"azure": "AZURE_SAS_URI", "adls": "AZURE_ADLS_GEN2_SAS_URI", "gcp": "GCP_SIGNED_URL"}
LACKS = re.compile(
    r"/(version|health|get-artifact|ajax-api|graphql|static-files)|/api/3\.0/mlflow/server-info|/api/2\.0/mlflow-artifacts"
    r"|/api/2\.0/mlflow/metrics/get-history-bulk|/api/2\.0/mlflow/registered-models/alias"
)
http = requests.Session()
http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=32))
tokens, signed, blocks, seen, lock = {}, {}, {}, [], threading.Lock()
pending, model_ids, asked = set(), {}, {"stale": 0, "bucket": "models", "files-api": False}
open_to_all = threading.Event()
open_to_all.set()


class Refused(Exception):
    def __init__(self, status, code, message):
        self.status, self.body = status, {"error_code": code, "message": message}


def invalid(message):
    return Refused(400, "INVALID_PARAMETER_VALUE", message)


def each(value, change):
    """A value of JSON with all texts in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [each(item, change) for item in value]
    if isinstance(value, dict):
        return {key: each(item, change) for key, item in value.items()}
    return value


def from_mlflow(text):
    return re.sub("^" + THERE + "([0-9]+)/models/", HERE + r"\1/logged_models/", text).replace(THERE, HERE)


def to_mlflow(text):
    return re.sub("^" + HERE + "([0-9]+)/logged_models/", THERE + r"\1/models/", text).replace(HERE, THERE)


def mlflow(method, path, query=None, body=None):
    answer = http.request(method, SERVER + path, params=query, json=body)
    if answer.status_code != 200:
        try:
            problem = answer.json()
        except ValueError:
            raise Refused(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path.removeprefix('/api/2.0')}'") from None
        raise Refused(answer.status_code, problem.get("error_code", "INTERNAL_ERROR"), problem.get("message", ""))
    return answer.json()


def registry(method, path, body):
    """MLflow's own registry, which keeps the models."""
    is_get = method == "GET"
    return mlflow(method, "/api/2.0/mlflow/" + path, body if is_get else None, None if is_get else body)


def location(name, version):
    return f"s3://{asked['bucket']}/unity/{name}/{version}"


def bucket_credentials(request, status):
    writes = request.operation == uc.MODEL_VERSION_OPERATION_READ_WRITE
    if writes != (status == "PENDING_REGISTRATION"):
        raise invalid(f"Model version {request.name} {request.version} has the status {status}")
    open_to_all.wait()
    key, secret, token = sys.argv[6:9]
    with lock:
        is_stale, asked["stale"] = asked["stale"] > 0, max(asked["stale"] - 1, 0)
    keys = {"access_key_id": key, "secret_access_key": secret, "session_token": token + "x" * is_stale}
    return {"aws_temp_credentials": keys, "expiration_time": int(time.time() + EXPIRES) * 1000, "storage_mode": "CUSTOMER_HOSTED"}


def version_of(found):
    kept = {key: found[key] for key in (
        "name", "version", "creation_timestamp", "last_updated_timestamp", "user_id", "description", "source", "run_id",
        "status", "status_message", "model_id", "tags") if found.get(key)}
    kept["aliases"] = [{"alias": alias, "version": found["version"]} for alias in found.get("aliases", [])]
    kept["storage_location"] = location(found["name"], found["version"])
    if (found["name"], str(found["version"])) in pending:
        kept["status"] = "PENDING_REGISTRATION"
    if model := model_ids.get((found["name"], str(found["version"]))):
        kept["model_id"] = model
    return each(kept, from_mlflow)


def model_of(found):
    return {key: found[key] for key in (
        "name", "creation_timestamp", "last_updated_timestamp", "user_id", "description", "tags", "aliases") if found.get(key)}


def without(found, *names):
    return {key: value for key, value in found.items() if key not in names}


def check_tag(tags, request):
    if re.search(r"[.,\-=/:]", request.key):
        raise invalid(f"Tag name {request.key} contains one or more of the reserved characters: List(., ,, -, =, /, :)")
    if len(request.value) > 1000 or len({tag["key"] for tag in tags} | {request.key}) > 50:
        raise invalid("too long a value, or more than 50 tags")


def catalog(method, path, given):
    """What Unity Catalog answers: requests and answers are MLflow's own messages."""
    whole = {"name", "version"}
    messages = {
        ("POST", "registered-models/create"): "CreateRegisteredModel", ("PATCH", "registered-models/update"): "UpdateRegisteredModel",
        ("DELETE", "registered-models/delete"): "DeleteRegisteredModel", ("GET", "registered-models/get"): "GetRegisteredModel",
        ("GET", "registered-models/search"): "SearchRegisteredModels", ("PATCH", "model-versions/update"): "UpdateModelVersion",
        ("DELETE", "model-versions/delete"): "DeleteModelVersion", ("GET", "model-versions/get"): "GetModelVersion",
        ("GET", "model-versions/search"): "SearchModelVersions", ("POST", "registered-models/alias"): "SetRegisteredModelAlias",
        ("DELETE", "registered-models/alias"): "DeleteRegisteredModelAlias", ("GET", "registered-models/alias"): "GetModelVersionByAlias",
        ("POST", "registered-models/set-tag"): "SetRegisteredModelTag", ("DELETE", "registered-models/delete-tag"): "DeleteRegisteredModelTag",
        ("POST", "model-versions/create"): "CreateModelVersion", ("POST", "model-versions/finalize"): "FinalizeModelVersion",
        ("POST", "model-versions/generate-temporary-credentials"): "GenerateTemporaryModelVersionCredentials",
        ("GET", "model-versions/get-download-uri"): "GetModelVersionDownloadUri",
        ("GET", "registered-models:is-databricks-sdk-models-artifact-repository-enabled"): "IsDatabricksSdkModelsArtifactRepositoryEnabled",
        ("POST", "model-versions/set-tag"): "SetModelVersionTag", ("DELETE", "model-versions/delete-tag"): "DeleteModelVersionTag",
    }
    name = messages.get((method, path))
    if name is None:
        raise Refused(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} /mlflow/unity-catalog/{path}'")
    request, answer = getattr(uc, name + "Request")(), getattr(uc, name + "Response")()
    try:
        ParseDict(given, request)
    except ParseError as error:
        raise Refused(400, "MALFORMED_REQUEST", str(error)) from None
    if request.DESCRIPTOR.fields_by_name.get("name") and not re.fullmatch(r"[^.]+\.[^.]+\.[^.]+", request.name):
        raise invalid(f"\"{request.name}\" is not a valid name for a registered model. Please specify all three levels of the model in the form `catalog_name.schema_name.model_name`")
    model = lambda: model_of(registry("GET", "registered-models/get", {"name": request.name})["registered_model"])
    version = lambda: version_of(registry("GET", "model-versions/get", {"name": request.name, "version": request.version})["model_version"])
    plain = json.loads(message_to_json(request))
    if name in ("GetRegisteredModel", "GetModelVersion"):
        result = {"registered_model": model()} if name == "GetRegisteredModel" else {"model_version": version()}
    elif name == "IsDatabricksSdkModelsArtifactRepositoryEnabled":
        result = {"is_databricks_sdk_models_artifact_repository_enabled": bool(asked["files-api"])}
    elif name == "GetModelVersionDownloadUri":
        result = {"artifact_uri": version()["storage_location"]}
    elif name == "GenerateTemporaryModelVersionCredentials":
        result = {"credentials": bucket_credentials(request, version()["status"])}
    elif name == "CreateModelVersion":
        for tag in request.tags:
            check_tag([], tag)
        made = each(without(plain, "feature_deps", "run_tracking_server_id", "model_version_dependencies"), to_mlflow)
        found = registry("POST", path, made)["model_version"]
        with lock:
            pending.add((found["name"], str(found["version"])))
            model_ids[found["name"], str(found["version"])] = request.model_id
        result = {"model_version": version_of(found)}
    elif name == "FinalizeModelVersion":
        with lock:
            if (request.name, request.version) not in pending:
                raise invalid(f"Model version {request.name} {request.version} is not pending")
            pending.discard((request.name, request.version))
        result = {"model_version": version()}
    elif name == "SearchRegisteredModels":
        found = registry("GET", path, {"max_results": request.max_results or 100, "page_token": request.page_token})
        # The catalogue knows no others.
        models = [it for it in found.get("registered_models", []) if it["name"].count(".") == 2]
        result = {"registered_models": [without(model_of(it), "tags", "aliases") for it in models]}
        result["next_page_token"] = found.get("next_page_token", "")
    elif name == "SearchModelVersions":
        if not re.fullmatch(r"""\s*(name|run_id)\s*=\s*(['"]).*\2\s*""", request.filter):
            raise invalid(f"Unsupported filter: {request.filter}")
        found = registry("GET", path, {"filter": request.filter, "max_results": request.max_results or 100, "page_token": request.page_token})
        versions = [it for it in found.get("model_versions", []) if it["name"].count(".") == 2]
        result = {"model_versions": [without(version_of(it), "tags", "aliases") for it in versions]}
        result["next_page_token"] = found.get("next_page_token", "")
    elif name == "GetModelVersionByAlias":
        result = {"model_version": version_of(registry("GET", path, plain)["model_version"])}
    elif name == "UpdateRegisteredModel":
        if request.new_name:
            result = {"registered_model": model_of(registry("POST", "registered-models/rename", {"name": request.name, "new_name": request.new_name})["registered_model"])}
        else:
            result = {"registered_model": model_of(registry("PATCH", path, plain)["registered_model"])}
    else:
        if name == "SetRegisteredModelTag":
            check_tag(model().get("tags", []), request)
        if name == "SetModelVersionTag":
            check_tag(version().get("tags", []), request)
        found = registry(method, path, plain)
        result = {}
        if "registered_model" in found and name.startswith(("Create", "Update")):
            result = {"registered_model": model_of(found["registered_model"])}
        if "model_version" in found and name.startswith("Update"):
            result = {"model_version": version_of(found["model_version"])}
    parse_dict(result, answer)
    return json.loads(message_to_json(answer))


def sign(root, path, writes):
    """A signed address for a file, and what has to go with it."""
    if path.startswith("/") or ".." in path.split("/"):
        raise invalid(f"Invalid path: {path}")
    kind = next((KINDS[word] for word in KINDS if word in path), "AWS_PRESIGNED_URL")
    key = secrets.token_urlsafe(24)
    headers = {"x-ms-version": "2023-11-03"} if kind.startswith("AZURE") else {"x-amz-server-side-encryption": "AES256"} if writes and kind.startswith("AWS") else {}
    with lock:
        signed[key] = {"path": f"{root}/{path}", "writes": writes, "kind": kind, "headers": headers, "old": False}
    return {
        "path": path, "type": kind, "signed_uri": f"http://127.0.0.1:{port}/signed/{quote(path)}?sig={key}%2B%3D&se=later",
        "headers": [{"name": name, "value": value} for name, value in headers.items()],
    }


def credentials(path, body):
    writes = path.endswith(("write", "upload"))
    if match := re.fullmatch(r"/api/2.0/mlflow/logged-models/([^/]+)/artifacts/credentials-for-(down|up)load", path):
        model = mlflow("GET", f"/api/2.0/mlflow/logged-models/{match[1]}")["model"]["info"]
        root = model["artifact_uri"].removeprefix(THERE)
        found = [{"model_id": match[1], "credential_info": sign(root, name, writes)} for name in body["paths"]]
        return {"credentials": found}
    run = mlflow("GET", "/api/2.0/mlflow/runs/get", {"run_id": body["run_id"]})["run"]["info"]
    root = run["artifact_uri"].removeprefix(THERE)
    return {"credential_infos": [{"run_id": body["run_id"], **sign(root, name, writes)} for name in body["path"]]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_any(self):
        url = urlsplit(self.path)
        query = parse_qsl(url.query, keep_blank_values=True)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        with lock:
            seen.append(f"{self.command} {url.path}")
        try:
            if url.path.startswith("/signed/"):
                return self.storage(url, dict(query), body)
            if url.path.startswith("/stand-in/"):
                return self.answer(200, self.control(url.path, dict(query)))
            if url.path == "/oidc/v1/token":
                return self.token(body)
            if url.path == "/oidc/.well-known/oauth-authorization-server":
                base = f"http://127.0.0.1:{port}/oidc"
                return self.answer(200, {"token_endpoint": f"{base}/v1/token", "authorization_endpoint": f"{base}/v1/authorize"})
            if url.path == "/.well-known/databricks-config":
                return self.answer(200, {"oidc_endpoint": f"http://127.0.0.1:{port}/oidc", "workspace_id": "1", "account_id": "1", "host_type": "workspace"})
            self.admit()
            try:
                body = json.loads(body) if body else {}
            except ValueError:
                body = {}
            if "null" in json.dumps(each(body, lambda text: "")):
                raise Refused(400, "MALFORMED_REQUEST", "null is no value of a message's field")
            return self.answer(200, self.api(url.path, query, body), {"x-databricks-org-id": "1"})
        except Refused as refused:
            return self.answer(refused.status, refused.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

    def control(self, path, query):
        with lock:
            if path == "/stand-in/revoke":
                tokens.clear()
            elif path == "/stand-in/age":
                for it in signed.values():
                    it["old"] = True
            elif path in ("/stand-in/stale", "/stand-in/files-api"):
                asked[path.removeprefix("/stand-in/")] = 1
            elif path == "/stand-in/bucket":
                asked["bucket"] = query["name"]
            elif path == "/stand-in/hold":
                open_to_all.clear()
            elif path == "/stand-in/release":
                open_to_all.set()
            elif path == "/stand-in/seen":
                found, seen[:] = list(seen), []
                return {"seen": found}
        return {}

    def token(self, body):
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        form = dict(parse_qsl(body.decode()))
        if self.headers.get("Authorization") != f"Basic {basic}":
            return self.answer(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if form.get("grant_type") != "client_credentials" or form.get("scope") != "all-apis":
            return self.answer(400, {"error": "invalid_request", "error_description": str(form)})
        new = "eyJ" + secrets.token_urlsafe(24)
        with lock:
            tokens[new] = time.monotonic() + EXPIRES
        return self.answer(200, {"access_token": new, "token_type": "Bearer", "scope": "all-apis", "expires_in": EXPIRES})

    def admit(self):
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if kind != "Bearer":
            raise Refused(401, "401", "Credential was not sent or was of an unsupported type for this API.")
        with lock:
            is_known = token == TOKEN or tokens.get(token, 0) > time.monotonic()
        if not is_known:
            if token.startswith("eyJ"):
                raise Refused(401, "401", "Token is expired or revoked.")
            raise Refused(403, "403", "Invalid access token. [ReqId: 1]")

    def api(self, path, query, body):
        if path.startswith(UC):
            return catalog(self.command, path.removeprefix(UC), dict(query) if self.command == "GET" else body)
        if path == "/api/2.0/preview/scim/v2/Me":
            return {"id": "1", "userName": "ana@example.org", "displayName": "Ana"}
        if "/artifacts/credentials-for-" in path and self.command == "POST":
            return credentials(path, body)
        if path.startswith("/api/2.0/fs/"):
            # MLflow's own client goes on to signed addresses then.
            raise Refused(403, "PERMISSION_DENIED", "the Files API is not for files of runs here")
        if LACKS.match(path) or not path.startswith("/api/2.0/mlflow/"):
            raise Refused(404, "ENDPOINT_NOT_FOUND", f"No API found for '{self.command} {path}'")
        if path.endswith("/experiments/create") and not body.get("name", "").startswith("/"):
            raise invalid(f"Got an invalid experiment name '{body.get('name')}'. An experiment name must be an absolute path within the Databricks workspace, e.g. '/Users/<some-username>/my-experiment'.")
        # Nobody can tell the tokens of pages in advance.
        opened = lambda token: base64.urlsafe_b64decode(token).decode().removeprefix("workspace ") if token else token
        try:
            query = [(key, opened(value) if key == "page_token" else to_mlflow(value)) for key, value in query]
            if body.get("page_token"):
                body["page_token"] = opened(body["page_token"])
        except ValueError:
            raise invalid("Invalid page token") from None
        found = mlflow(self.command, path, query, each(body, to_mlflow) if self.command != "GET" else None)
        found = each(found, from_mlflow)
        if found.get("next_page_token"):
            found["next_page_token"] = base64.urlsafe_b64encode(b"workspace " + found["next_page_token"].encode()).decode()
        return found

    def storage(self, url, query, body):
        problem = lambda status, code: self.answer(
            status, f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><StringToSign>{query.get('sig')}</StringToSign></Error>".encode(),
            {"Content-Type": "application/xml"})
        with lock:
            known = signed.get(query.get("sig", "").removesuffix("+="))
        if known is None or known["old"] or quote(known["path"].partition("/artifacts/")[2]) != url.path.removeprefix("/signed/"):
            return problem(403, "AccessDenied")
        if self.headers.get("Authorization") or known["writes"] != (self.command in ("PUT", "PATCH")):
            return problem(400, "InvalidArgument")
        target = STORE + quote(known["path"])
        if not known["writes"]:
            return self.read(target, problem)
        if any(self.headers.get(name) != value for name, value in known["headers"].items()):
            return problem(403, "SignatureDoesNotMatch")
        content = self.written(known, query, body)
        if isinstance(content, str):
            return problem(400, content)
        if content is not None and http.put(target, data=content).status_code != 200:
            return problem(500, "InternalError")
        return self.answer(201 if known["kind"].startswith("AZURE") else 200, b"", {"ETag": '"1"'})

    def written(self, known, query, body):
        """What the file is then; none where it is not all there; a text where a request is not taken."""
        if "Content-Length" not in self.headers:
            return "MissingContentLength"
        part = blocks.setdefault(known["path"], {})
        if known["kind"] == "AZURE_SAS_URI":
            if query.get("comp") == "block" and self.command == "PUT":
                part[query["blockid"]] = body
                return None if self.headers.get("x-ms-blob-type") == "BlockBlob" else "InvalidHeaderValue"
            if query.get("comp") == "blocklist" and self.command == "PUT":
                names = re.findall("<Uncommitted>(.*?)</Uncommitted>", body.decode())
                return b"".join(part[name] for name in names)
            return "InvalidQueryParameterValue"
        if known["kind"] == "AZURE_ADLS_GEN2_SAS_URI":
            if query.get("resource") == "file" and self.command == "PUT":
                part["file"] = {}
                return None
            if self.command != "PATCH" or "file" not in part:
                return "InvalidRequest"
            position = int(query["position"])
            if query.get("action") == "append":
                # Parts may come in any order.
                part["file"][position] = body
            if query.get("action") != "flush" and query.get("flush") != "true":
                return None
            content = b"".join(piece for _, piece in sorted(part["file"].items()))
            end = position if query.get("action") == "flush" else position + len(body)
            return content if len(content) == end else "InvalidFlushPosition"
        return body if self.command == "PUT" and not query.get("comp") else "InvalidRequest"

    def read(self, target, problem):
        found = http.get(target)
        if found.status_code != 200:
            return problem(404, "NoSuchKey")
        content, tag = found.content, '"' + hashlib.md5(found.content).hexdigest() + '"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and self.headers.get("If-Range") in (None, tag):
            begin = int(asked[1])
            if begin >= len(content):
                return problem(416, "InvalidRange")
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            return self.answer(206, content[begin:], headers)
        return self.answer(200, content, headers)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
port = server.server_port
print(port, flush=True)
server.serve_forever()
