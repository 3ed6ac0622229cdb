# A proxy that speaks TLS in front of a server, as a company's gateway does: strips a path prefix, and may insist on
# a certificate of the client, or show one that nobody but itself signed (self, self-ca, self-expired). Makes its authority and certificates itself. Prints its port.
import datetime, ipaddress, os, socket, ssl, sys, threading
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder, port, wants_client, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "client", sys.argv[4].encode()
is_database = prefix == b"postgres"
day = datetime.timedelta(days=1)
now = datetime.datetime.now(datetime.timezone.utc)

def pem_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

def certificate(name, key, issuer, issuer_key, ca, end=now + day):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - 2 * day).not_valid_after(end)
               .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
    if name != "test authority":
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())

ca_key = ec.generate_private_key(ec.SECP256R1())
ca = certificate("test authority", ca_key, None, ca_key, True)
with open(os.path.join(folder, "ca.pem"), "wb") as f:
    f.write(ca.public_bytes(serialization.Encoding.PEM))
for name in ("server", "client"):
    key = ec.generate_private_key(ec.SECP256R1())
    cert = certificate(name, key, ca.subject, ca_key, False)
    with open(os.path.join(folder, name + ".pem"), "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM) + pem_key(key))

if sys.argv[3].startswith("self"):
    key = ec.generate_private_key(ec.SECP256R1())
    cert = certificate("server", key, None, key, sys.argv[3] != "self", now - day if sys.argv[3] == "self-expired" else now + day)
    with open(os.path.join(folder, "server.pem"), "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM) + pem_key(key))

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(folder, "server.pem"))
if wants_client:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(os.path.join(folder, "ca.pem"))

def pump(source, target, change=lambda data: data):
    try:
        while data := source.recv(65536):
            target.sendall(change(data))
    except OSError:
        pass
    for s in (source, target):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

def without_prefix(data):
    head, _, rest = data.partition(b"\r\n")
    return head.replace(b" " + prefix, b" ", 1) + b"\r\n" + rest if prefix else data

def serve(raw):
    try:
        # A client of PostgreSQL asks before it begins.
        if is_database:
            raw.recv(8, socket.MSG_WAITALL)
            raw.sendall(b"S")
        client = context.wrap_socket(raw, server_side=True)
        upstream = socket.create_connection(("127.0.0.1", port))
    except (OSError, ssl.SSLError):
        raw.close()
        return
    threading.Thread(target=pump, args=(upstream, client), daemon=True).start()
    pump(client, upstream, *([] if is_database else [without_prefix]))

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
