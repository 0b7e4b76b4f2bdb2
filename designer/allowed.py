"""What a reward may name: pure maths of torch and math, tensor methods and builtins; and hints for refused names."""

from __future__ import annotations


def _words(text: str, prefix: str = "") -> frozenset[str]:
    return frozenset(prefix + word for word in text.split())


TORCH = (
    _words(
        """
        abs absolute acos acosh add addcdiv addcmul all allclose amax amin aminmax any arange arccos arcsin arctan
        arctan2 argmax argmin argsort as_tensor asin asinh atan atan2 atanh atleast_1d atleast_2d baddbmm
        bitwise_and bitwise_not bitwise_or bitwise_xor bmm broadcast_to broadcast_tensors bucketize cat cdist ceil
        chunk clamp clamp_max clamp_min clip clone column_stack concat concatenate copysign cos cosh
        cosine_similarity count_nonzero cross cummax cummin cumprod cumsum deg2rad diff dist div divide dot einsum
        eq equal erf erfc exp exp2 expm1 eye flatten flip float_power floor floor_divide fmax fmin fmod frac full
        full_like gather ge greater greater_equal gt heaviside hstack hypot index_select isclose isfinite isinf
        isnan kron le lerp less less_equal linspace log log10 log1p log2 logaddexp logical_and logical_not
        logical_or logical_xor logit logsumexp lt masked_select matmul max maximum mean median meshgrid min minimum
        mm movedim mul multiply mv nan_to_num nanmean nansum narrow ne neg negative nonzero norm not_equal numel
        ones ones_like outer permute pow positive prod quantile rad2deg reciprocal relu remainder repeat_interleave
        reshape roll round rsqrt rsub scalar_tensor searchsorted select selu sgn sigmoid sign signbit sin sinc sinh
        softmax sort split sqrt square squeeze stack std std_mean sub subtract sum swapaxes t take take_along_dim
        tan tanh tensor tile topk trace transpose trapezoid trapz tril triu true_divide trunc unbind unflatten
        unsqueeze var var_mean vdot vstack where xlogy zeros zeros_like
        Tensor bool dtype float float32 float64 inf int int32 int64 long nan pi
        """,
        "torch.",
    )
    | _words("cross det inv matmul norm vecdot vector_norm", "torch.linalg.")
    | _words(
        """
        celu cosine_similarity elu gelu hardsigmoid hardtanh huber_loss l1_loss leaky_relu logsigmoid mse_loss normalize
        one_hot pairwise_distance relu relu6 selu sigmoid silu smooth_l1_loss softmax softmin softplus softsign tanh
        tanhshrink threshold
        """,
        "torch.nn.functional.",
    )
    | _words("erf erfc exp2 expit expm1 log1p logit sinc", "torch.special.")
)
"""Dotted names of pure maths: nothing that reads files, draws random numbers, compiles or keeps state."""

MATH = _words(
    """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh degrees dist e erf erfc exp expm1 fabs floor
    fmod fsum hypot inf isclose isfinite isinf isnan log log10 log1p log2 nan pi pow prod radians sin sinh sqrt tan
    tanh tau trunc
    """,
    "math.",
)

METHODS = _words(
    """
    abs absolute acos acosh add addcdiv addcmul all amax amin any arccos arcsin arctan arctan2 argmax argmin argsort
    asin asinh atan atan2 atanh bmm bool broadcast_to ceil chunk clamp clamp_max clamp_min clip clone contiguous
    copysign cos cosh count_nonzero cross cummax cummin cumprod cumsum deg2rad detach diff dim dist div divide dot
    double eq equal erf erfc exp exp2 expand expand_as expm1 flatten flip float float_power floor floor_divide fmax
    fmin fmod frac gather ge greater greater_equal gt heaviside hypot index_select int isclose isfinite isinf isnan le
    lerp less less_equal log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor logit logsumexp
    long lt masked_fill masked_select matmul max maximum mean median min minimum mm movedim mul multiply mv nan_to_num
    nanmean nansum narrow ne neg negative new_full new_ones new_tensor new_zeros nonzero norm not_equal numel outer
    permute pow positive prod quantile rad2deg reciprocal relu remainder repeat repeat_interleave reshape roll round
    rsqrt select sgn sigmoid sign signbit sin sinc sinh size softmax sort split sqrt square squeeze std sub subtract
    sum swapaxes t take take_along_dim tan tanh tile to topk trace transpose tril triu true_divide trunc type_as
    unbind unflatten unsqueeze var vdot view view_as where xlogy append copy count extend get index items keys pop
    setdefault update values
    """
)
"""Methods of tensors, and of the dicts, lists and tuples that a reward builds."""

PROPERTIES = _words("T device dtype mT ndim shape")

CHANGING_METHODS = _words("append extend pop setdefault update")

BUILTINS = _words(
    """
    Stage State Tensor abs all any bool dict enumerate float int len list max min range reversed round sorted str sum tuple
    zip
    """
)

MODULES = ("torch", "math")

_RANDOM = "A reward is a pure function of s and a: no random numbers."
_READS = "A reward reads nothing but s and a: no files, no interpreter, no other objects."
_LEAVES = "Stay with batched tensors: (num_envs,) in, (num_envs,) out."

HINTS: dict[str, str] = {
    **dict.fromkeys(("torch.rand", "torch.randn", "torch.randint", "torch.manual_seed", "torch.normal"), _RANDOM),
    **dict.fromkeys(("torch.rand_like", "torch.randn_like", "torch.bernoulli", "torch.randperm", "random"), _RANDOM),
    **dict.fromkeys(("item", "tolist", "numpy", "cpu", "cuda", "data", "storage"), _LEAVES),
    **dict.fromkeys(("eval", "exec", "open", "compile", "globals", "locals", "vars", "input", "dir", "type"), _READS),
    **dict.fromkeys(("torch.load", "torch.save", "torch.from_file", "torch.os", "torch.sys", "torch.ops"), _READS),
    **dict.fromkeys(("getattr", "setattr", "delattr", "hasattr"), "Read a field as s.<field>."),
    **dict.fromkeys(("format", "format_map"), 'Write names as plain strings: "run_backward".'),
    **dict.fromkeys(("np", "numpy"), "Use torch: torch.exp, torch.clamp, torch.linalg.norm, ..."),
    "print": "Leave it out. Every term is recorded and shown for you.",
    "isinstance": "Every field is a tensor; leave the test out.",
    "torch.no_grad": "Leave it out: gradients are off already.",
    "torch.compile": "Leave it out.",
    "torch.jit": "Leave it out.",
    "torch.FloatTensor": "Use torch.tensor or torch.full_like.",
    "self": "A reward has no self: it is a function of s and a.",
    "env": "A reward sees only s and a, not the environment.",
}
"""What to do instead, for names that are often tried."""

CONSTRUCT_HINTS: dict[str, str] = {
    "While": "Use torch operations on the whole batch, or a for loop over range(<a small number>).",
    "Try": "Leave it out and make the formula safe: torch.clamp the input of log, sqrt and division.",
    "TryStar": "Leave it out.",
    "Raise": "Leave it out: a reward only returns terms.",
    "Assert": "Leave it out: a reward only returns terms.",
    "With": "Leave it out: gradients are off already, and there is nothing to open.",
    "Global": "A reward keeps no state between steps: use s.prev for the step before.",
    "Nonlocal": "A reward keeps no state between steps: use s.prev for the step before.",
    "Lambda": "Write a function with def at the top level.",
    "ClassDef": "Write functions and numbers only.",
    "Delete": "Leave it out.",
    "NamedExpr": "Assign on a line of its own.",
    "Match": "Use torch.where on the batch, or if on plain numbers.",
    "Yield": "Return one dict.",
    "YieldFrom": "Return one dict.",
    "Await": "Leave it out.",
    "AsyncFunctionDef": "Use a plain def.",
    "AsyncFor": "Use a plain for.",
    "AsyncWith": "Leave it out.",
    "Set": "Use a tuple or a dict.",
    "SetComp": "Use a dict or a list.",
}
