"""Ways around a reader of source: builtins by another name, frames, formats, decorators. The static check must refuse all of them.

Each uses what it reached to look for a secret: the walls must hold where the check is passed by.
"""

from __future__ import annotations

from tests.attacks.attack import REWARD, Attack

LOOK = "print(open_(CANARY['secret']).read())"


def _attack(name: str, tries: str, body: str, reward: str = REWARD, **rest: object) -> Attack:
    return Attack(name, "introspect", tries, body, reward, **rest)  # type: ignore[arg-type]


ATTACKS = (
    _attack("dunder_import", "__import__ by a computed name", f"open_ = __import__('i' + 'o').open\n{LOOK}"),
    _attack(
        "getattr_by_parts",
        "getattr with a name in parts",
        f"open_ = getattr(__builtins__, 'op' + 'en') if not isinstance(__builtins__, dict) else __builtins__['op' + 'en']\n{LOOK}",
    ),
    _attack(
        "subclasses",
        "climb from a tuple to every class",
        """
        classes = [().__class__.__base__]
        for one in classes:
            classes += type.__subclasses__(one) if one is not type else []
        print([one for one in classes if one.__name__ == "FileIO"][0](CANARY["secret"]).read())
        """,
    ),
    _attack(
        "attrgetter",
        "a dotted name in a text",
        f"import operator\nopen_ = operator.attrgetter('modules')(sys)['io'].open\n{LOOK}",
    ),
    _attack("eval", "eval of a text", f"open_ = eval('open')\n{LOOK}"),
    _attack("exec", "exec of a text", "exec(\"print(open(CANARY['secret']).read())\", globals())"),
    _attack("compile", "compiled code", "exec(compile(\"print(open(CANARY['secret']).read())\", 'x', 'exec'), globals())"),
    _attack("format_of_globals", "str.format walks attributes", "print('{0.__globals__}'.format(won)[:4000])"),
    _attack(
        "generator_frame",
        "climb out through a generator's frame",
        """
        def climb():
            yield g.gi_frame.f_back
        g = climb(); f = next(g)
        while f:
            print({k: str(v)[:200] for k, v in f.f_locals.items() if "fitness" in str(k) + str(v) and k != "source"})
            f = f.f_back
        raise OSError("nothing of the fitness in any frame")
        """,
    ),
    _attack(
        "traceback_frame",
        "climb out through a traceback",
        """
        try:
            1 / 0
        except ZeroDivisionError as error:
            f = error.__traceback__.tb_frame
        while f:
            if "fitness" in f.f_locals.get("job", {}): won(f.f_locals["job"])
            f = f.f_back
        raise OSError("no fitness in the job")
        """,
    ),
    _attack(
        "search_the_heap",
        "look for the fitness among all objects",
        """
        import gc
        found = [o for o in gc.get_objects() if isinstance(o, dict) and ("fitness" in o or "success" in o) and "source" in str(o.get("fitness"))]
        if found: won(found[:1])
        raise OSError("no fitness among the objects")
        """,
    ),
    _attack(
        "search_the_code",
        "look for the judges' files",
        """
        import sandbox
        top = os.path.dirname(os.path.dirname(sandbox.__file__))
        found = [os.path.join(at, n) for at, _, names in os.walk(top) for n in names if n in ("fitness.py", "human.py") or n.endswith("tasks")]
        if found: won(found)
        raise OSError("no judge is here")
        """,
    ),
    _attack(
        "import_the_judge",
        "import the task's fitness",
        "import importlib; won(importlib.import_module('envs.half_cheetah.fitness'))",
    ),
    _attack("import_the_host", "import the program that judges", "import designer; won(designer)"),
    _attack(
        "code_object",
        "build a function from bytes",
        "f = won.__code__.replace(co_consts=won.__code__.co_consts); print(type(won)(f, {'open_': open, 'print': print}))\nopen_ = open\n"
        + LOOK,
    ),
    _attack(
        "decorator",
        "code that runs where a class is defined",
        "@exec\n@\"print(open('{0}').read())\".format(CANARY['secret']).format\nclass X: pass",
    ),
    _attack(
        "unpickle",
        "a pickle that runs code",
        """
        import pickle
        class E:
            def __reduce__(self): return (open, (CANARY["secret"],))
        print(pickle.loads(pickle.dumps(E())).read())
        """,
    ),
    _attack("codecs", "open through codecs", f"import codecs; open_ = codecs.open\n{LOOK}"),
    _attack("pathlib", "open through pathlib", "import pathlib; print(pathlib.Path(CANARY['secret']).read_text())"),
    _attack(
        "linecache", "open through linecache", "import linecache; print(linecache.getlines(CANARY['secret']) or no('nothing'))"
    ),
    _attack("runpy", "run a file as code", "import runpy; runpy.run_path(CANARY['secret'])"),
    _attack(
        "mutual_frames",
        "sys._getframe",
        "f = sys._getframe(1)\nopen_ = f.f_globals['__builtins__']['open'] if isinstance(f.f_globals['__builtins__'], dict) else open\n"
        + LOOK,
    ),
    _attack(
        "match_pattern",
        "attributes in a match pattern",
        f"""
        match sys:
            case object(modules=m): open_ = m["io"].open
        {LOOK}
        """,
    ),
    _attack(
        "torch_alias_os",
        "os by way of torch",
        "print(torch.os.popen('cat ' + CANARY['secret']).read() or no('nothing'))".replace("torch", "__import__('torch')"),
        torch=True,
    ),
    _attack(
        "module_in_functional",
        "importlib by way of torch.nn.functional",
        f"import torch.nn.functional as F; open_ = F.importlib.import_module('io').open\n{LOOK}",
        torch=True,
    ),
    _attack(
        "unpickle_with_torch",
        "torch.load runs code",
        """
        import torch, io
        class E:
            def __reduce__(self): return (open, (CANARY["secret"],))
        b = io.BytesIO(); torch.save(E(), b); b.seek(0)
        print(torch.load(b, weights_only=False).read())
        """,
        torch=True,
    ),
    _attack(
        "numpy_ctypes",
        "ctypes by way of numpy",
        "import numpy; fd = numpy.ctypeslib.ctypes.CDLL(None, use_errno=True).open(CANARY['secret'].encode(), 0)\nif fd < 0: raise OSError('refused')\nprint(os.read(fd, 100))",
    ),
)
