"""Programs as frameworks export them (test/Raise/programs: JAX's StableHLO with and without outlined helpers, torch-mlir raw and decomposed): what is a convolution is
raised, what is none is refused for the reason that the manifest gives, and whatever is raised computes what the framework computed.

In the manifest, `expectation` is raise or refuse (`why`); a program of tier `stretch` may be refused as `allowed_instead` says, and one to be refused raised in just the way that
`allowed_instead` says. `convs` are the convolutions with their operands. Arrays are the inputs and the framework's outputs, in its types and in f64.
"""

import json
import re
import subprocess

import numpy
import pytest
from conftest import BUILD, ROOT

PROGRAMS = ROOT / "test" / "Raise" / "programs"
ENTRIES = json.loads((PROGRAMS / "manifest.json").read_text())["entries"]
CASES = [pytest.param(entry, file, id=file) for entry in ENTRIES for file in entry["files"].values()]
BUDGET = {"f32": 2e-6, "bf16": 1.2e-2 + 2**-8, "f16": 1.5e-3 + 2**-11}

# Programs to be refused that are raised in the one way that is allowed: what is computed then is the convolution named, and what is around it.
RAISED_INSTEAD = {
    "neg_correlation_conj": "bidirectional", # no causal part
    "torch_neg_correlation_conj": "bidirectional",
    "neg_low_pad_shifts_output": "causal", # then shifted
    "neg_shifted_crop": "causal", # of longer rows, then sliced
}
# Programs of tier stretch that are refused, by what the remark says.
REFUSED_INSTEAD = {"f64_causal": "f64 is not supported", "nsubquadratic_conv2d_same": "2 dimensions", "torch_nsubquadratic_conv2d_same": "2 dimensions"}
# What remarks say of the others.
REASONS = {
    "neg_wrap_between": "wrap around", "neg_wrap_one_short": "wrap around", "neg_filter_truncated_by_n": "wrap around",
    "neg_spectrum_escapes": "a spectrum has other users", "neg_product_spectrum_used_twice": "a spectrum has other users",
    "neg_both_batched": "a filter for each sample", "neg_autoconvolution": "a filter for each sample", "neg_autocorrelation_wiener": "a filter for each sample",
    "neg_cross_channel_mixing": "mixes channels", "neg_deconvolution_divide": "divided", "neg_vjp_of_causal": "divided",
    "neg_spectra_added": "added", "neg_precomputed_spectrum_argument": "not a spectrum", "neg_lowpass_mask": "not a spectrum", "neg_hilbert_transform": "not a spectrum",
    "neg_wiener_filter": "in the frequency domain", "neg_gate_in_frequency": "not a product of spectra", "neg_fnet_token_mixing": "no inverse transform",
    "neg_forward_instead_of_inverse": "backwards in time", "neg_upsampling_inverse_longer": "of another size", "neg_nonzero_padding": "something else than zeros",
    "neg_reflect_padding": "reversed, or a sum", "neg_different_axes": "different dimensions", "neg_batch_fft_axis": "bins of a spectrum are rearranged",
    "neg_complex_input": "complex data", "neg_fno_spectral_layer": "(not a product of spectra|updated in place)", "neg_torch_dynamic_length": "the length is dynamic",
    "neg_conv_general_dilated": "no Fourier transform", "neg_toeplitz_matmul": "no Fourier transform", "neg_dft_matmul": "no Fourier transform",
}


def raise_(file):
    command = [BUILD / "bin" / "fftconv-opt", PROGRAMS / file, "--allow-unregistered-dialect", "--fftconv-raise", "--remarks-filter=.*", "--verify-each"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Gates and skips are left of the operands' types.
    convs = re.findall(r"fftconv\.conv (\w+)([^\n]*)", done.stdout)
    return convs, done.stderr, done.stdout


@pytest.mark.parametrize("entry, file", CASES)
def test_raised_or_refused(entry, file):
    convs, remarks, text = raise_(file)
    name = entry["name"]
    if entry["expectation"] == "refuse" and name not in RAISED_INSTEAD:
        assert not convs
        assert re.search(r"\[Missed\] NotRaised .*" + REASONS[name.removeprefix("torch_")], remarks), remarks
        return
    if name in REFUSED_INSTEAD:
        assert entry["tier"] == "stretch" and not convs and REFUSED_INSTEAD[name] in remarks
        return
    if name in RAISED_INSTEAD:
        assert entry["allowed_instead"] and [boundary for boundary, _ in convs] == [RAISED_INSTEAD[name]]
        return
    assert len(convs) == len(entry["convs"]) and remarks.count("[Passed] Raised") == len(convs)
    assert "fft" not in text.replace("fftconv", "")
    for expected, (boundary, operands) in zip(entry["convs"], convs):
        # A crop in the middle is a filter with taps on both sides; all outputs of a linear convolution are those of longer rows.
        assert boundary == {"same": "bidirectional", "full": "causal"}.get(expected["boundary"].split()[0], expected["boundary"])
        assert ("skip(" in operands) == (expected.get("skip") is not None and "before the permute" not in expected["skip"])
        # Of two gates before and after each other's convolution one is as good as the other.
        if len(convs) == 1:
            broadcast = "then a sum" in (expected.get("postgate") or "")
            assert ("post_gate(" in operands) == (expected.get("postgate") is not None and not broadcast)
            assert ("pre_gate(" in operands) == (expected.get("pregate") is not None)


def run(entry, file, device, folder):
    command = [BUILD / "bin" / "fftconv-run", PROGRAMS / file, f"--device={device}", f"--entry={entry['entry']}"]
    command += [f"--input={PROGRAMS / i['file']}" for i in entry["inputs"]]
    outputs = [folder / f"y{i}.npy" for i in range(len(entry["outputs"]))]
    command += [f"--output={path}" for path in outputs]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    return done, outputs


def check(entry, outputs):
    for path, expected in zip(outputs, entry["outputs"]):
        y, want = numpy.load(path).astype("f8"), numpy.load(PROGRAMS / expected["file_f64"])
        assert y.shape == want.shape
        assert numpy.linalg.norm(y - want) <= BUDGET[expected["dtype"]] * numpy.linalg.norm(want)


RAISED = [c for c in CASES if (c.values[0]["expectation"] == "raise" and c.values[0]["name"] not in REFUSED_INSTEAD) or c.values[0]["name"] in RAISED_INSTEAD]


@pytest.mark.parametrize("entry, file", RAISED)
def test_computes_the_same(entry, file, tmp_path):
    """On the cpu executor: the convolutions, and what surrounds them."""
    done, outputs = run(entry, file, "cpu", tmp_path)
    assert done.returncode == 0, done.stderr
    check(entry, outputs)


@pytest.mark.parametrize("entry, file", RAISED)
def test_computes_the_same_on_the_emulator(entry, file, tmp_path):
    """Where all that is left are convolutions."""
    done, outputs = run(entry, file, "emulator", tmp_path)
    if done.returncode == 0:
        return check(entry, outputs)
    assert "cannot run on the device" in done.stderr
    assert entry["name"] not in ("longconv_minimal_causal", "hyena_fftconv_skip", "hyena_operator_order2", "h3_shift_then_diag", "flashfftconv_ref_circular")


def test_what_is_refused_stays(tmp_path):
    """Byte for byte, private functions among it."""
    for entry in ENTRIES:
        if entry["expectation"] == "refuse" and entry["name"] not in RAISED_INSTEAD:
            for file in entry["files"].values():
                parsed = subprocess.run([BUILD / "bin" / "fftconv-opt", PROGRAMS / file, "--allow-unregistered-dialect"], capture_output=True, text=True)
                assert raise_(file)[2] == parsed.stdout, file


