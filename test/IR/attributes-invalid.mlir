// RUN: fftconv-opt %s --split-input-file --verify-diagnostics

// Each plan or spectrum breaks the constraint that the comment cites.

// plan P1
// expected-error @+1 {{radices multiply to 64, not to 100 points}}
#plan = #fftconv.plan<points = 100, radices = [8, 8], theta = i, compute = f32, chip = "cpu">

// -----

// plan P1
// expected-error @+1 {{radices must be at least 1 and their product must fit 64 bits, got 0}}
#plan = #fftconv.plan<points = 0, radices = [8, 0], theta = i, compute = f32, chip = "cpu">

// -----

// plan P1
// expected-error @+1 {{radices must be at least 1 and their product must fit 64 bits, got 4294967296}}
#plan = #fftconv.plan<points = 0, radices = [4294967296, 4294967296], theta = i, compute = f32, chip = "cpu">

// -----

// plan P1
// expected-error @+2 {{expected integer value}}
// expected-error @+1 {{failed to parse FFTConv_PlanAttr parameter 'radices'}}
#plan = #fftconv.plan<points = 1, radices = [], theta = i, compute = f32, chip = "cpu">

// -----

// plan P2
// expected-error @+1 {{compute type must be f16, bf16 or f32, got 'f64'}}
#plan = #fftconv.plan<points = 64, radices = [8, 8], theta = i, compute = f64, chip = "cpu">

// -----

// plan P3
// expected-error @+1 {{unknown chip 'sm_75'; known are cpu sm_80 sm_86 sm_89 sm_90 sm_90a sm_100 sm_120}}
#plan = #fftconv.plan<points = 64, radices = [8, 8], theta = i, compute = f32, chip = "sm_75">

// -----

#plan = #fftconv.plan<points = 64, radices = [8, 8], theta = i, compute = f32, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 60, plan = #plan>
// spectrum S1
// expected-error @+1 {{elements of a spectrum must be complex<'f32'>, got 'complex<f16>'}}
func.func private @f(tensor<3x8x8xcomplex<f16>, #causal>)

// -----

#plan = #fftconv.plan<points = 64, radices = [8, 8], theta = i, compute = f32, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 60, plan = #plan>
// spectrum S1
// expected-error @+1 {{shape of a spectrum must be heads x the plan's radices}}
func.func private @f(tensor<3x64xcomplex<f32>, #causal>)

// -----

#plan = #fftconv.plan<points = 64, radices = [8, 8], theta = i, compute = f32, chip = "cpu">
// spectrum S2
// expected-error @+1 {{a plan of 64 points does not serve length 65: it is too short}}
#causal = #fftconv.spectrum<causal, length = 65, plan = #plan>

// -----

#plan = #fftconv.plan<points = 64, radices = [8, 8], theta = i, compute = f32, chip = "cpu">
// spectrum S2
// expected-error @+1 {{length must be at least 1, got 0}}
#causal = #fftconv.spectrum<causal, length = 0, plan = #plan>

// -----

#plan = #fftconv.plan<points = 64, radices = [8, 8], theta = one, compute = f32, chip = "cpu">
// spectrum S3
// expected-error @+1 {{a plan with theta = one serves circular convolutions only}}
#both = #fftconv.spectrum<bidirectional, length = 64, plan = #plan>

// -----

// expected-error @+1 {{warps must be a power of two up to 32, blocks at least 1}}
#direct = #fftconv.direct<warps = 3, blocks = 8, compute = f16, chip = "sm_90">

// -----

// expected-error @+1 {{warps must be a power of two up to 32, blocks at least 1}}
#direct = #fftconv.direct<warps = 4, blocks = 0, compute = f16, chip = "sm_90">

// -----

// expected-error @+1 {{what is computed directly is f16 or bf16, not 'f32'}}
#direct = #fftconv.direct<warps = 4, blocks = 8, compute = f32, chip = "sm_90">

// -----

// expected-error @+1 {{'cpu' is not a GPU that is known}}
#direct = #fftconv.direct<warps = 4, blocks = 8, compute = f16, chip = "cpu">

// -----

// plan P5
// expected-error @+1 {{blocks are the first of several radices, a power of two, and theta is i then; got 4 blocks}}
#plan = #fftconv.plan<blocks = 4, points = 64, radices = [8, 8], theta = i, compute = f32, chip = "cpu">

// -----

// expected-error @+1 {{got 3 blocks}}
#plan = #fftconv.plan<blocks = 3, points = 24, radices = [3, 8], theta = i, compute = f32, chip = "cpu">

// -----

// expected-error @+1 {{got 8 blocks}}
#plan = #fftconv.plan<blocks = 8, points = 8, radices = [8], theta = i, compute = f32, chip = "cpu">

// -----

// expected-error @+1 {{theta is i then; got 8 blocks}}
#plan = #fftconv.plan<blocks = 8, points = 64, radices = [8, 8], theta = one, compute = f32, chip = "cpu">

// -----

#plan = #fftconv.plan<blocks = 8, points = 64, radices = [8, 8], theta = i, compute = f32, chip = "cpu">
// spectrum S3
// expected-error @+1 {{a plan of blocks serves causal convolutions only}}
#circular = #fftconv.spectrum<circular, length = 64, plan = #plan>
