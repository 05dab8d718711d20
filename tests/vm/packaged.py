# SPDX-License-Identifier: GPL-3.0-or-later
"""For suites of what users install: the vm suite's laptop with other programs than those of the build on it."""
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 2400  # seconds; a guard against hanging
UNABLE, FAILED = 77, 10


def vm_suite():
    loader = importlib.machinery.SourceFileLoader("vm_suite", os.path.join(HERE, "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("vm_suite", loader))
    loader.exec_module(module)
    return module


def in_vm(label, build, work, prepare, guest):
    """Run the program @guest there, with a folder that prepare (folder) has filled: folder/installed goes onto the machine's
    own files. It prints results; if it cannot be run, that is said of @label. Whether all went well."""
    suite = vm_suite()
    reason = suite.unable(build)
    if not reason:
        folder = tempfile.mkdtemp(prefix="vm-", dir=work)
        try:
            os.mkdir(os.path.join(folder, "installed"))
            prepare(folder)
            suite.make_certificate(os.path.join(folder, "certificate"))
            subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
            done = subprocess.run([os.path.join(HERE, "run-in-vm"), "--systemd", "--timeout", str(LIMIT), "/usr/bin/python3", "-B", guest, folder,
                                   os.path.join(build, "tests/vm/vm-flood")], stderr=subprocess.PIPE, text=True, check=False)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if done.returncode != UNABLE:
            print("".join(f"    {line}\n" for line in done.stderr.splitlines() if line.strip() and "Job vm-command" not in line), end="", file=sys.stderr)
            if done.returncode not in (0, FAILED):
                print(f"not ok {label}\n    the virtual machine ended with {done.returncode}")
            return done.returncode == 0
        reason = done.stderr.strip()
    print(f"skip {label}: NOTHING OF IT WAS RUN: {reason}")
    return True
