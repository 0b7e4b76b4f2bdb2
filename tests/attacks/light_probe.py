"""A `probe` verb without torch: it loads a candidate's file as the harness does, in the same box. Copied over the real one.

So a snippet that needs no torch meets the real walls without waiting for torch to be imported.
"""

from sandbox.faults import FILE_NAME, fault_of


def run(job, files, output):
    source = files("reward.py").decode()
    try:
        exec(compile(source, FILE_NAME, "exec", dont_inherit=True), {"__name__": "reward"})  # noqa: S102
    except BaseException as error:  # noqa: BLE001 - as in the harness
        fault = fault_of(error, source)
        output.result(fault.status, fault.message, line=fault.line)
        return
    output.result("ok")
