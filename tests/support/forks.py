"""A Python that has imported MLflow already. One process imports it, and forks a child for each program; `ask`, in the place of
Python, hands it what Python would be given, passes signals on, and ends as the child does. If it is gone, so is the child."""
import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def ask(path):
    arguments = sys.argv[1:]
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-c", "-m")):
        os.execv(sys.executable, [sys.executable, *arguments])
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}
    request = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(path)
        socket.send_fds(asker, [len(request).to_bytes(8, "big")], [0, 1, 2])
        asker.sendall(request)
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: asker.send(bytes([number])))
        status = asker.recv(16)
    if not status:
        os._exit(125)
    status = int(status)
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGKILL:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


class Forks:
    """The children that run, and who asked for each. It ends with its input, and takes its folder with it."""

    def __init__(self, folder):
        self.folder, self.askers = folder, {}
        socket_path = os.path.join(folder, "socket")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(socket_path)
        self.listener.listen(128)
        # A byte comes here when a child has ended.
        self.ended, self.ends = socket.socketpair()
        self.ends.setblocking(False)
        signal.set_wakeup_fd(self.ends.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with open(__file__) as file:
            ours = file.read().rpartition("main(")[0]
        with open(os.path.join(folder, "python"), "w") as file:
            # Without what Python looks for as it starts, which takes longer than the rest.
            file.write(f"#!{sys.executable} -IS\n{ours}ask({socket_path!r})\n")
            os.chmod(file.fileno(), 0o755)

    def serve(self):
        """Returns in each child, with its arguments."""
        import selectors

        self.selector = selectors.DefaultSelector()
        for source, answer in [(0, self.end), (self.listener, self.fork), (self.ended, self.reap)]:
            self.selector.register(source, selectors.EVENT_READ, answer)
        print("ready", flush=True)
        while True:
            for key, _ in self.selector.select():
                arguments = key.data(key.fileobj)
                if arguments is not None:
                    return arguments

    def fork(self, listener):
        asker, _ = listener.accept()
        size, files, _, _ = socket.recv_fds(asker, 8, 3)
        request = asker.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        try:
            request = json.loads(request)
        except ValueError:
            # It is gone already.
            request = None
        child = os.fork() if request else None
        if child == 0:
            return self.become(request, files, asker)
        for file in files:
            os.close(file)
        if child:
            try:
                os.setpgid(child, child)
            except OSError:
                # It has done so, and more.
                pass
            self.askers[child] = asker
            self.selector.register(asker, 1, lambda asker: self.tell(child, asker))

    def become(self, request, files, asker):
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        for other in [asker, self.listener, self.ended, self.ends, *self.askers.values()]:
            other.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        if os.environ.get("PYTHONUNBUFFERED"):
            sys.stdout.reconfigure(write_through=True)
        sys.path[1:1] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        # What was installed meanwhile is found.
        import importlib

        importlib.invalidate_caches()
        return request["arguments"]

    def tell(self, child, asker):
        """Passes signals on; nothing more comes from one that is gone."""
        if self.askers.get(child) is not asker:
            return
        try:
            signals = asker.recv(16)
        except ConnectionError:
            signals = b""
        if not signals:
            self.selector.unregister(asker)
        for number in signals or [signal.SIGKILL]:
            os.killpg(child, number)

    def reap(self, ended):
        ended.recv(4096)
        while self.askers and (known := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
            # What it left behind ends with it.
            os.killpg(known.si_pid, signal.SIGKILL)
            _, status = os.waitpid(known.si_pid, 0)
            asker = self.askers.pop(known.si_pid)
            if asker in self.selector.get_map():
                self.selector.unregister(asker)
            try:
                asker.sendall(str(status).encode())
            except OSError:
                pass
            asker.close()

    def end(self, _):
        for child in self.askers:
            os.killpg(child, signal.SIGKILL)
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(0)


def run(arguments):
    """As Python would."""
    import runpy
    import types

    what, sys.argv = arguments[0], list(arguments)
    if what == "-m":
        sys.argv = arguments[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if what == "-c":
        sys.argv = ["-c", *arguments[2:]]
        text, name = arguments[1], "<string>"
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(what))
        with open(what) as file:
            text, name = file.read(), what
        main.__file__ = what
    exec(compile(text, name, "exec"), main.__dict__)


def forget_server():
    """What of MLflow reads the environment when it is imported has to be imported anew."""
    for name in [name for name in sys.modules if name.split(".")[:2] == ["mlflow", "server"]]:
        del sys.modules[name]
    sys.modules["mlflow"].__dict__.pop("server", None)


def serve_here():
    """`mlflow server` serves in a Python of its own, with what it adds to the environment: here it goes on as that one."""
    from mlflow.utils import process

    execute = process._exec_cmd

    def go_on(command, **options):
        is_server = command[:2] == [sys.executable, "-m"] and command[2] in ("uvicorn", "gunicorn")
        if not is_server:
            return execute(command, **options)
        os.environ.update(options["extra_env"])
        forget_server()
        run(command[1:])
        sys.exit()

    process._exec_cmd = go_on


def make_tables_once():
    """MLflow makes the tables of a new store by all its migrations, which takes seconds. What they are in the end is kept beside
    it, and done at once."""
    import sqlite3

    import sqlalchemy
    from mlflow.store.db import utils

    make, kept = utils._initialize_tables, os.path.join(sys.prefix, "tables.sql")
    if not os.path.exists(kept):
        new = f"{kept}.{os.getpid()}"
        engine = sqlalchemy.create_engine(f"sqlite:///{new}.db")
        make(engine)
        engine.dispose()
        database = sqlite3.connect(f"{new}.db")
        with open(new, "w") as file:
            file.write("\n".join(database.iterdump()).replace("BEGIN TRANSACTION", "BEGIN IMMEDIATE", 1))
        database.close()
        os.remove(f"{new}.db")
        os.replace(new, kept)
    with open(kept) as file:
        tables = file.read()

    def make_at_once(engine):
        is_empty = engine.dialect.name == "sqlite" and not sqlalchemy.inspect(engine).get_table_names()
        if not is_empty:
            return make(engine)
        connection = engine.raw_connection()
        try:
            connection.driver_connection.executescript(tables)
        except sqlite3.OperationalError:
            # Another made them meanwhile.
            connection.rollback()
            make(engine)
        finally:
            connection.close()

    utils._initialize_tables = make_at_once


def main(folder):
    # That of this file is nobody's.
    sys.path[0] = ""
    # It would leave threads behind.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    serve_here()
    make_tables_once()
    import importlib

    for name in IMPORTS:
        try:
            importlib.import_module(name)
        except ImportError:
            # MLflow 2 has fewer.
            pass
    forget_server()
    import gc

    gc.collect()
    gc.freeze()
    arguments = Forks(folder).serve()
    sys.modules["numpy"].random.seed()
    run(arguments)


# Neither gunicorn, which takes the folder that it is imported in for the server's.
IMPORTS = """
mlflow mlflow.tracking mlflow.cli mlflow.pyfunc mlflow.sklearn mlflow.server mlflow.server.fastapi_app mlflow.server.auth
mlflow.store.tracking.sqlalchemy_store mlflow.store.tracking.sqlalchemy_workspace_store mlflow.store.workspace.sqlalchemy_store
mlflow.store.model_registry.sqlalchemy_store mlflow.store.model_registry.sqlalchemy_workspace_store
mlflow.tracing.export mlflow.tracing.processor.base_mlflow mlflow.tracing.trace_rollup_service sqlalchemy.dialects.sqlite
flask_cors uvicorn.main uvicorn.lifespan.on uvicorn.protocols.http.h11_impl uvicorn.protocols.websockets.auto
git numpy pandas pyarrow.parquet sklearn.datasets sklearn.linear_model sklearn.metrics
""".split()

main(sys.argv[1])
