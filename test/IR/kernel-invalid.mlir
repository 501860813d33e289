// RUN: fftconv-opt %s --split-input-file --verify-diagnostics

// Each case breaks the constraint that its name cites.

// expected-error @+1 {{warps must be a power of two up to 32, values one from 8 to 64}}
#schedule = #fftconv.schedule<warps = 3, values = 32, rows = 4, stages = 1, products = f16, sums = f32>

// -----

// expected-error @+1 {{rows must be at least 1, stages 1 to 4}}
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 5, products = f16, sums = f32>

// -----

// expected-error @+1 {{and sums in f16 need products in f16}}
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f32, sums = f16>

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f16>
// expected-error @+1 {{a kernel schedule needs a GPU, not 'cpu'}}
#plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "cpu", schedule = #schedule>

// -----

// expected-error @+1 {{elements of a tile are f16, bf16, f32 or complex of these}}
func.func private @tile_element(!fftconv.tile<f64, shared>)

// -----

// expected-error @+1 {{expected shared, columns, rows, tiles, warps or loop}}
func.func private @tile_side(!fftconv.tile<f16, lanes = "n1.0-3">)

// -----

// expected-error @+1 {{'m1' is not a digit such as "n1.0-3", "k2" or "b.0", or there are too many}}
func.func private @tile_digit(!fftconv.tile<f16, columns = "m1">)

// -----

// expected-error @+1 {{a layout needs four bits on columns and four on rows}}
func.func private @tile_rows(!fftconv.tile<f16, columns = "n1.0-3", rows = "n2.0-2">)

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @groups_n1(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      // expected-error @+1 {{'arith.constant' op is not a tile op and cannot stand in fftconv.groups}}
      %c = arith.constant 0 : index
    }
    gpu.return
  }
}

// -----

func.func @groups_n2(%u: memref<?x3x500xf16>) {
  // expected-error @+1 {{must stand in a gpu.func}}
  fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
  }
  return
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @copy_in_i1(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      // expected-error @+1 {{gives a real tile in shared memory, not}}
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<complex<f16>, shared>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @prefetch_h1(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      // expected-error @+1 {{starts the copies of an fftconv.copy_in ahead of the same body}}
      fftconv.prefetch %0 : <f16, shared>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @relayout_l1(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      // expected-error @+1 {{changes elements from 'f16' to 'complex<f16>'}}
      %1 = fftconv.relayout %0 by #plan : <f16, shared> -> !fftconv.tile<complex<f16>, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1">
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @relayout_l2(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      // expected-error @+1 {{has one side in shared memory and one on registers, not}}
      %1 = fftconv.relayout %0 by #plan : <f16, shared> -> <f16, shared 0>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @tile_dft_q1_layout(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      %1 = fftconv.relayout %0 by #plan : <f16, shared> -> !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1">
      // expected-error @+1 {{does not turn the layout of}}
      %2 = fftconv.tile_dft left %1 digit 2 by #plan : !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1"> -> !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "k2.0", warps = "b.0-1">
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @tile_dft_q1_any(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      %1 = fftconv.relayout %0 by #plan : <f16, shared> -> !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1">
      // expected-error @+1 {{transforms tiles on registers by left, right or butterfly, or tiles without layouts by any}}
      %2 = fftconv.tile_dft any %1 digit 1 by #plan : !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1"> -> !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1">
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @tile_dft_q2(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      %1 = fftconv.relayout %0 by #plan : <f16, shared> -> !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1">
      %2 = fftconv.tile_dft butterfly %1 digit 2 by #plan : !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1"> -> !fftconv.tile<complex<f32>, columns = "n1.0-3", rows = "n3.0-3", tiles = "k2.0", warps = "b.0-1">
      // expected-error @+1 {{operands of matrix products are 16-bit, got 'complex<f32>'}}
      %3 = fftconv.tile_dft right %2 digit 1 by #plan : !fftconv.tile<complex<f32>, columns = "n1.0-3", rows = "n3.0-3", tiles = "k2.0", warps = "b.0-1"> -> !fftconv.tile<complex<f32>, columns = "k1.0-3", rows = "n3.0-3", tiles = "k2.0", warps = "b.0-1">
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @tile_dft_q3(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16>
      // expected-error @+1 {{digit must be in [1, 3], got 4}}
      %1 = fftconv.tile_dft any %0 digit 4 by #plan : !fftconv.tile<f16> -> !fftconv.tile<complex<f32>>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @tile_twiddle_z1(%u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      %1 = fftconv.relayout %0 by #plan : <f16, shared> -> !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1">
      // expected-error @+1 {{operand and result must have the same layout on registers}}
      %2 = fftconv.tile_twiddle %1 digit 2 by #plan : !fftconv.tile<f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0", warps = "b.0-1"> -> !fftconv.tile<f16, shared>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @copy_out_o1(%g: memref<?x3x501xf16>, %u: memref<?x3x500xf16>, %s: memref<3x1024xf16>, %y: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16>
      %1 = fftconv.tile_dft any %0 digit 1 by #plan : !fftconv.tile<f16> -> !fftconv.tile<complex<f32>>
      // expected-error @+1 {{the gate must have the type of y, 'memref<?x3x500xf16>', got 'memref<?x3x501xf16>'}}
      fftconv.copy_out %1, %y gate(%g : memref<?x3x501xf16>) by #plan : !fftconv.tile<complex<f32>>, memref<?x3x500xf16>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 500, plan = #plan>
gpu.module @kernels {
  gpu.func @prepare_x1(%k: memref<3x500xf32>, %s: memref<3x512xf16>) kernel {
    // expected-error @+1 {{the spectra of 'memref<3x500xf32>' take 3 x 1024 values, not 'memref<3x512xf16>'}}
    fftconv.prepare %k, %s for #spectrum : memref<3x500xf32>, memref<3x512xf16>
    gpu.return
  }
}

// -----

// expected-error @+2 {{products are done in the compute type 'f16' or in f32, not in 'bf16'}}
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = bf16, sums = f32>
#plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#ring = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = one, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @copy_in_i1_pairs(%u: memref<?x3x512xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x512xf16> {
      // expected-error @+1 {{gives a complex tile in shared memory, not}}
      %0 = fftconv.copy_in %u by #ring : memref<?x3x512xf16> -> !fftconv.tile<f16, shared>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
#both = #fftconv.spectrum<bidirectional, length = 500, plan = #plan>
gpu.module @kernels {
  gpu.func @prepare_x2(%k: memref<3x9xf32>, %s: memref<3x1024xf16>) kernel {
    // expected-error @+1 {{'center' is the index of a tap of a bidirectional filter, and of no other}}
    fftconv.prepare %k center 9, %s for #both : memref<3x9xf32>, memref<3x1024xf16>
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @tile_gate_z2(%u: memref<?x3x500xf16>, %g: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16>
      %1 = fftconv.copy_in %g by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16, shared>
      // expected-error @+1 {{operands and result must have the same type}}
      %2 = fftconv.tile_gate %0, %1 : !fftconv.tile<f16>, !fftconv.tile<f16, shared> -> !fftconv.tile<f16>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f32, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f32, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @tile_normalize_j1(%u: memref<?x3x500xf32>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf32> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xf32> -> !fftconv.tile<f32>
      // expected-error @+1 {{makes tiles of f32 in shared memory from others of the same, not}}
      %1 = fftconv.tile_normalize %0 by #plan : !fftconv.tile<f32> -> !fftconv.tile<f16>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @tile_convert_y1(%u: memref<?x3x500xbf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xbf16> {
      %0 = fftconv.copy_in %u by #plan : memref<?x3x500xbf16> -> !fftconv.tile<bf16>
      // expected-error @+1 {{changes the type of elements and nothing else, got}}
      %1 = fftconv.tile_convert %0 : !fftconv.tile<bf16> -> !fftconv.tile<complex<f16>>
    }
    gpu.return
  }
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
gpu.module @kernels {
  gpu.func @copy_in_i2(%u: memref<?x3x500xf16>, %g: memref<?x3x500xf16>) kernel {
    fftconv.groups of %u rows 4 : memref<?x3x500xf16> {
      // expected-error @+1 {{multiplies rows of the same type, and only where channels are last or there is one stage of input}}
      %0 = fftconv.copy_in %u gate(%g : memref<?x3x500xf16>) by #plan : memref<?x3x500xf16> -> !fftconv.tile<f16>
    }
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @toeplitz_x3_type(%u: memref<?x3x500xbf16>, %k: memref<3x7xf32>, %y: memref<?x3x500xbf16>) kernel {
    // expected-error @+1 {{takes rows, gates and results of one type, that of its compute}}
    fftconv.toeplitz %u, %k, %y by <warps = 4, blocks = 8, compute = f16, chip = "sm_90"> : memref<?x3x500xbf16>, memref<3x7xf32>, memref<?x3x500xbf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @toeplitz_x3_center(%u: memref<?x3x500xf16>, %k: memref<3x7xf32>, %y: memref<?x3x500xf16>) kernel {
    // expected-error @+1 {{for 'center' the index of a tap}}
    fftconv.toeplitz %u, %k center 7, %y by <warps = 4, blocks = 8, compute = f16, chip = "sm_90"> : memref<?x3x500xf16>, memref<3x7xf32>, memref<?x3x500xf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @turn_x4_shape(%x: memref<?x100x6xf16>, %y: memref<?x100x6xf16>) kernel {
    // expected-error @+1 {{turns rows to others whose last two dimensions have changed places}}
    fftconv.turn_rows %x, %y on "sm_90" : memref<?x100x6xf16>, memref<?x100x6xf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @turn_x4_gate(%x: memref<?x100x6xf16>, %g: memref<?x6x100xf16>, %y: memref<?x6x100xf16>) kernel {
    // expected-error @+1 {{by a gate of the type of those whose channels are last, on a GPU}}
    fftconv.turn_rows %x gate(%g : memref<?x6x100xf16>), %y on "sm_90" : memref<?x100x6xf16>, memref<?x6x100xf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @turn_x4_chip(%x: memref<?x100x6xf16>, %y: memref<?x6x100xf16>) kernel {
    // expected-error @+1 {{on a GPU}}
    fftconv.turn_rows %x, %y on "cpu" : memref<?x100x6xf16>, memref<?x6x100xf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @turn_x5(%x: memref<?x536870913x6xf16>, %y: memref<?x6x536870913xf16>) kernel {
    // expected-error @+1 {{has more times or tiles than 32-bit numbers count: 6 heads of 536870913 times}}
    fftconv.turn_rows %x, %y on "sm_90" : memref<?x536870913x6xf16>, memref<?x6x536870913xf16>
    gpu.return
  }
}
