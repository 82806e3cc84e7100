"""A real Slurm of two nodes on loopback, everything below one folder, run as the present user.

Nothing in it asks for a password: whoever can connect to loopback can run jobs as this user. The settings are explained
in the manual pages slurm.conf(5) and slurmdbd.conf(5).

``python -m tests.slurm.cluster up|down|status FOLDER`` is what `scripts/slurm` calls.
"""

from __future__ import annotations

import os
import pwd
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

NODES = ("n1", "n2")

# Distributions keep daemons where the PATH of an ordinary user does not lead.
SBIN = ("/usr/local/sbin", "/usr/sbin")
PROGRAMS = ("sbatch", "scancel", "scontrol", "sinfo", "slurmctld", "slurmd", "squeue", "srun")
PROGRAMS_OF_ACCOUNTING = ("mariadb-install-db", "mariadbd", "sacct", "sacctmgr", "slurmdbd")

# A socket's path has at most 107 bytes, and slurmstepd's ends with /n1/n1_4294967295.4294967295
LONGEST_FOLDER = 107 - 28
UNUSABLE = '"#%\\\n'

PATIENCE_SECONDS = 60
STOP_SECONDS = 15
LINES_OF_A_LOG = 15

# By subject; Slurm wants each on a line of its own.
SETTINGS = """
ClusterName=naga SlurmctldHost={host}(127.0.0.1) SlurmctldPort={port[slurmctld]} SlurmUser={user} SlurmdUser={user}
AuthType=auth/none CredType=cred/none AuthInfo=cred_expire=5 CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation="{folder}/state" SlurmdSpoolDir="{folder}/%n"
SlurmctldPidFile="{folder}/slurmctld.pid" SlurmdPidFile="{folder}/%n.pid"
ProctrackType=proctrack/linuxproc TaskPlugin=task/none SwitchType=switch/none MpiDefault=none
SelectType=select/cons_tres SelectTypeParameters=CR_Core_Memory DefMemPerCPU=200 SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux JobAcctGatherFrequency=1 JobAcctGatherParams=OverMemoryKill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1,defer_batch
DependencyParameters=kill_invalid_depend PreemptType=preempt/partition_prio PreemptMode=REQUEUE
RequeueExit=75 ReturnToService=1 KillWait=3 MaxArraySize={array_size} MaxJobCount=200000 MinJobAge=10
"""
NODES_AND_PARTITIONS = """
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port[n1]} CPUs=16 RealMemory=8000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port[n2]} CPUs=16 RealMemory=8000
PartitionName=normal Nodes=ALL Default=YES
PartitionName=urgent Nodes=ALL PriorityTier=10
"""
SETTINGS_OF_ACCOUNTING = """
AccountingStorageType=accounting_storage/slurmdbd AccountingStorageHost=127.0.0.1 AccountingStoragePort={port[slurmdbd]}
"""
# The client library of MariaDB takes the socket of "localhost" from the variable MYSQL_UNIX_PORT.
SETTINGS_OF_SLURMDBD = """
AuthType=auth/none CommunicationParameters=NoInAddrAny SlurmUser={user} PidFile="{folder}/slurmdbd.pid"
DbdHost=localhost DbdAddr=127.0.0.1 DbdPort={port[slurmdbd]}
StorageType=accounting_storage/mysql StorageHost=localhost StorageUser={user} StorageLoc=slurm
"""

# Making a database syncs to the disk a thousand times otherwise, and this one need not outlive a crash.
MARIADB_OPTIONS = (
    "--debug-no-sync",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=32M",
)


class ClusterError(Exception):
    """A cluster does not do what it was asked to; the ends of its logs are part of the message."""


def find_missing_programs(path: str, *, accounting: bool) -> list[str]:
    """Return the programs of Slurm and, for accounting, MariaDB that are on no folder of a search path."""
    wanted = [*PROGRAMS, *(PROGRAMS_OF_ACCOUNTING if accounting else ())]
    return [program for program in wanted if shutil.which(program, path=path) is None]


def search_path() -> str:
    """Return PATH with the folders of daemons at its end."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN])


def claim_ports(count: int) -> tuple[socket.socket, list[int]]:
    """Return free ports and a socket that keeps other processes that ask here from taking them, as long as it is open.

    The ports lie below those that the kernel gives to outgoing connections, which could take a free one at any time.
    """
    for first in random.sample(range(20_000, 32_000, 10), k=1200):
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", first))
            for port in range(first + 1, first + 1 + count):
                with socket.socket() as probe:
                    # What a daemon that has ended left in TIME_WAIT keeps nobody from listening.
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
        else:
            return claim, list(range(first + 1, first + 1 + count))
    raise ClusterError("there are no free ports between 20000 and 32000")


def is_listening(port: int) -> bool:
    """Return whether something takes connections at a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def read_stat(pid: int) -> tuple[int, int] | None:
    """Return parent and start time (clock ticks since boot) of a process; None when it has ended. See proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else (int(fields[1]), int(fields[19]))


def list_parents() -> dict[int, int]:
    """Return process id -> parent of everything that runs on the machine."""
    stats = {int(entry.name): read_stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    return {pid: stat[0] for pid, stat in stats.items() if stat}


def add_descendants(pids: Iterable[int], parents: Mapping[int, int]) -> set[int]:
    """Return the processes and all that they started, and those in turn."""
    found, new = set(), set(pids)
    while new:
        found |= new
        new = {pid for pid, parent in parents.items() if parent in new} - found
    return found


class Daemon:
    """A process that is remembered by its id and start time, in a file, so that no other is ever taken for it."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the id of the process while it runs."""
        if not self._record.exists():
            return None
        pid, started = map(int, self._record.read_text(encoding="ascii").split())
        stat = read_stat(pid)
        return pid if stat and stat[1] == started else None

    @property
    def has_failed(self) -> bool:
        """Return whether the process is gone though nobody ended it."""
        return self._record.exists() and self.pid is None

    def start(self, command: list[str], folder: Path, environ: Mapping[str, str], log: Path) -> None:
        """Start the process in a folder; what it prints is added to the log."""
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        _, started = read_stat(self._process.pid) or (0, 0)
        self._record.write_text(f"{self._process.pid} {started}", encoding="ascii")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal, wait until the process is gone, and kill it when it will not go."""
        deadline = time.monotonic() + STOP_SECONDS
        while (pid := self.pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number if time.monotonic() < deadline else signal.SIGKILL)
            pause_until(lambda: self.pid is None, STOP_SECONDS)
        if self._process:
            self._process.wait()
        self._record.unlink(missing_ok=True)


def pause_until(question: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until the answer is yes, and return it; or no, when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


class Cluster:
    """A Slurm of the nodes ``n1`` and ``n2`` with 16 cores and 8000 MB each, whatever the machine really has.

    Jobs of the partition ``urgent`` preempt those of the partition ``normal``, which are requeued. Jobs get 200 MB a
    core unless they ask for more, and are killed when they use more than that.

    Parameters
    ----------
    folder : Path
        Absent or empty, with a short path: sockets are made in it. What is there after a failure are the logs.
    accounting : bool
        Whether there are slurmdbd and MariaDB too, and with them ``sacct``.
    array_size : int
        The most elements of an array.
    """

    def __init__(self, folder: Path, *, accounting: bool = True, array_size: int = 100_001) -> None:
        self._array_size = array_size
        self.folder = folder.resolve()
        self.accounting = accounting
        names = ("mariadbd", "slurmdbd", "slurmctld", *NODES)
        self._daemons = {name: Daemon(self.folder / "daemons" / name) for name in names}
        # Not getpass: variables of the environment may name somebody else.
        self._user = pwd.getpwuid(os.geteuid()).pw_name
        self._claim: socket.socket | None = None
        self._ports: dict[str, int] = {}
        self._tied = True

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables with which Slurm's commands, and whatever calls them, find this cluster."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": search_path()}

    def start(self, *, tied: bool = True) -> Self:
        """Start all daemons and wait until both nodes are idle.

        Parameters
        ----------
        tied : bool
            Whether the daemons, though not jobs, end when the thread that calls this ends, however it ends.

        Raises
        ------
        ClusterError
            Programs are missing, the folder cannot be used, or a daemon does not do what it should.
        """
        self._check()
        self._tied = tied
        self._claim, ports = claim_ports(4)
        self._ports = dict(zip(("slurmctld", *NODES, "slurmdbd"), ports, strict=True))
        try:
            self._write_settings()
            if self.accounting:
                self._start_accounting()
            self.start_controller()
            for node in NODES:
                self._start_node(node)
            self._wait("both nodes are idle", lambda: self.states_of_nodes() == dict.fromkeys(NODES, "idle"))
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all daemons and all jobs, and wait until they are gone."""
        # Without its nodes the controller would wait for answers before it ends.
        self._daemons["slurmctld"].end()
        for node in NODES:
            self._end_node(node, signal.SIGTERM)
        for name in ("slurmdbd", "mariadbd"):
            self._daemons[name].end()
        if self._claim:
            self._claim.close()

    def is_up(self) -> bool:
        """Return whether the controller, the nodes and all else that was started run."""
        daemons = self._daemons.values()
        return self._daemons["slurmctld"].pid is not None and not any(daemon.has_failed for daemon in daemons)

    def run(self, *command: str | Path, folder: Path | None = None) -> str:
        """Run a command that talks to this cluster and return what it printed.

        Raises
        ------
        ClusterError
            The command failed; the message holds what it said, or which daemon has ended by itself.
        """
        done = subprocess.run(
            list(map(str, command)),
            cwd=folder or self.folder,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        if done.returncode:
            self._check_daemons()
            raise ClusterError(f"{shlex.join(map(str, command))} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def submit(self, *arguments: str | Path, folder: Path) -> str:
        """Call sbatch in a folder and return the id of the job."""
        return self.run("sbatch", "--parsable", *arguments, folder=folder).strip()

    def states(self, job: str) -> list[str]:
        """Return the states of a job's elements, such as RUNNING; the controller forgets jobs 10 s after their end."""
        return self.run("squeue", "--noheader", "--array", "--states=all", "--format=%T", f"--jobs={job}").split()

    def wait_for(self, job: str, *states: str, seconds: float | None = None) -> None:
        """Wait until every element of a job is in one of some states."""

        def is_there() -> bool:
            found = set(self.states(job))
            return bool(found) and found <= {*states}

        self._wait(f"job {job} is {' or '.join(states)}", is_there, seconds)

    def expire(self, job: str, *, seconds: int = 0) -> None:
        """Let the time limit of a running job be reached in some seconds.

        The controller looks every 30 s only: the end comes up to 30 s later, and a signal that the job asked for
        (``sbatch --signal=B:USR2@10``) comes up to 30 s earlier, for sure when the limit is 41 s away.
        """
        self.run("scontrol", "update", f"JobId={job}", f"EndTime=now+{seconds}")

    def kill(self, node: str) -> None:
        """Make a node fail as when its power is cut: its daemon and jobs are killed, and it is down at once."""
        self._end_node(node, signal.SIGKILL)
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=killed")

    def revive(self, node: str) -> None:
        """Start the daemon of a killed node, or take back that a node is drained, and wait until it takes jobs."""
        if self._daemons[node].pid is None:
            self._start_node(node)
        self._wait(f"node {node} is back", lambda: self._resume(node))

    def drain(self, node: str) -> None:
        """Give no more jobs to a node; those that run there go on."""
        self.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=drained")

    def stop_controller(self) -> None:
        """End the controller: jobs go on, and commands fail after they have tried for 9 s."""
        self._daemons["slurmctld"].end()

    def start_controller(self) -> None:
        """Start the controller and wait until it answers."""
        self._spawn("slurmctld", "slurmctld", "-D")
        self._wait("the controller answers", lambda: self._answers("scontrol", "ping"))

    def states_of_nodes(self) -> dict[str, str]:
        """Return name -> state, as sinfo names it in short, of both nodes."""
        lines = self.run("sinfo", "--noheader", "--Node", "--partition=normal", "--format=%N %t").splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def _check(self) -> None:
        missing = find_missing_programs(search_path(), accounting=self.accounting)
        if missing:
            raise ClusterError(f"programs are missing: {', '.join(missing)} (see scripts/system-packages)")
        if len(os.fsencode(self.folder)) > LONGEST_FOLDER:
            raise ClusterError(f"the path is too long for sockets, over {LONGEST_FOLDER} bytes: {self.folder}")
        if set(str(self.folder)) & set(UNUSABLE):
            raise ClusterError(f"slurm.conf cannot hold a path with one of {UNUSABLE!r}: {self.folder}")
        if (self.folder / "daemons").exists():
            raise ClusterError(f"there is or was a cluster already: {self.folder}")

    def _write_settings(self) -> None:
        for name in ("daemons", "logs", "state", *NODES):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o700)
        host = socket.gethostname().partition(".")[0]
        values = {"folder": self.folder, "host": host, "port": self._ports, "user": self._user}
        values["array_size"] = self._array_size
        settings = (SETTINGS + (SETTINGS_OF_ACCOUNTING if self.accounting else "")).split()
        self._write("slurm.conf", "\n".join([*settings, NODES_AND_PARTITIONS]).format_map(values))
        if self.accounting:
            self._write("slurmdbd.conf", "\n".join([*SETTINGS_OF_SLURMDBD.split(), ""]).format_map(values))

    def _write(self, name: str, text: str) -> None:
        # Slurm refuses a slurmdbd.conf that others may read.
        (self.folder / name).touch(mode=0o600)
        (self.folder / name).write_text(text, encoding="utf-8")

    def _environ(self) -> dict[str, str]:
        # Tests may run in a job of a real cluster, whose variables would speak for jobs of this one.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))}
        return {**kept, **self.environ}

    def _spawn(self, name: str, *command: str, folder: Path | None = None, **environ: str) -> None:
        tie = ["setpriv", "--pdeathsig", "TERM"] if self._tied else []
        log = self.folder / "logs" / name
        self._daemons[name].start([*tie, *command], folder or self.folder, {**self._environ(), **environ}, log)

    def _start_accounting(self) -> None:
        data = self.folder / "database"
        data.mkdir()
        # The installing script cannot take a path with spaces.
        common = ["--no-defaults", f"--user={self._user}", "--datadir=.", *MARIADB_OPTIONS]
        self.run("mariadb-install-db", *common, "--skip-test-db", folder=data)
        self._spawn("mariadbd", "mariadbd", *common, "--socket=socket", "--skip-networking", folder=data)
        self._wait("MariaDB has made its socket", (data / "socket").exists)
        self._spawn("slurmdbd", "slurmdbd", "-D", MYSQL_UNIX_PORT=str(data / "socket"))
        self._wait("slurmdbd answers", lambda: self._answers("sacctmgr", "--immediate", "add", "cluster", "naga"))

    def _start_node(self, node: str) -> None:
        # By this working folder the steps that slurmd starts can be told from those of other nodes and clusters.
        self._spawn(node, "slurmd", "-D", "-N", node, folder=self.folder / node)
        self._wait(f"the daemon of {node} listens", lambda: is_listening(self._ports[node]))

    def _end_node(self, node: str, number: signal.Signals) -> None:
        self._daemons[node].end(number)
        while steps := self._find_steps(node):
            for pid in steps:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            pause_until(lambda: not self._find_steps(node), STOP_SECONDS)

    def _find_steps(self, node: str) -> list[int]:
        """Return the ids of all that runs for jobs on a node, also of what a job has left to itself.

        What watches over a job comes first, so that it can be killed before it tells that the others were.
        """
        parents = list_parents()
        steps = [pid for pid in parents if self._is_step(pid, node)]
        jobs = [pid for pid in parents if self._is_of_job(pid, node)]
        return [*steps, *(add_descendants([*steps, *jobs], parents) - {*steps})]

    def _is_step(self, pid: int, node: str) -> bool:
        process = Path("/proc", str(pid))
        try:
            program, folder = (process / "exe").readlink().name, (process / "cwd").readlink()
        except OSError:
            return False
        return program.startswith("slurmstepd") and folder == self.folder / node

    def _is_of_job(self, pid: int, node: str) -> bool:
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return {os.fsencode(f"SLURM_CONF={self.folder}/slurm.conf"), f"SLURMD_NODENAME={node}".encode()} <= {*variables}

    def _resume(self, node: str) -> bool:
        # A node that is back already refuses.
        with suppress(ClusterError):
            self.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        return self.states_of_nodes()[node] in {"idle", "mix", "alloc"}

    def _answers(self, *command: str) -> bool:
        try:
            self.run(*command)
        except ClusterError:
            return False
        return True

    def _wait(self, goal: str, question: Callable[[], bool], seconds: float | None = None) -> None:
        seconds = PATIENCE_SECONDS if seconds is None else seconds

        def is_answered() -> bool:
            self._check_daemons()
            return question()

        if not pause_until(is_answered, seconds):
            raise ClusterError("\n".join([f"after {seconds} s it is not so that {goal}", *self._read_logs()]))

    def _check_daemons(self) -> None:
        failed = [name for name, daemon in self._daemons.items() if daemon.has_failed]
        if failed:
            raise ClusterError("\n".join([f"ended by itself: {', '.join(failed)}", *self._read_logs()]))

    def _read_logs(self) -> Iterator[str]:
        for log in sorted((self.folder / "logs").iterdir()):
            yield f"{log}:"
            yield from log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_OF_A_LOG:]


def main(command: str, folder: Path, *, accounting: bool) -> int:
    """Start, end or show the cluster of a folder for a person, and return the exit code; see `scripts/slurm`."""
    cluster = Cluster(folder, accounting=accounting)
    if command == "up" and not cluster.is_up():
        cluster.stop()
        if folder.exists():
            shutil.rmtree(folder)
        cluster.start(tied=False)
    if command == "down":
        cluster.stop()
    elif not cluster.is_up():
        print("the cluster is down", file=sys.stderr)
        return 1
    else:
        if command == "status":
            print(cluster.run("sinfo"), cluster.run("squeue"), sep="\n")
        print(f"export SLURM_CONF={shlex.quote(cluster.environ['SLURM_CONF'])}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], Path(sys.argv[2]), accounting="--without-accounting" not in sys.argv))
    except ClusterError as error:
        sys.exit(f"error: {error}")
