# SPDX-License-Identifier: GPL-2.0
# Draw the ratios of peers to a pipe, side by side: gnuplot -e "data=...; picture=...; columns=..." plot.gp
set terminal svg size 1100,520 dynamic background "white" font "sans-serif,12"
set output picture
set datafile separator tab
set datafile missing "NaN"
set title "Cost of an operation, times that of a pipe (shorter is better)"
set logscale y
set yrange [0.005:*]
set grid ytics
set style data histograms
set style histogram clustered gap 2
set style fill solid 0.8 noborder
set boxwidth 0.95
set xtics rotate by -20
set key outside right top
# Channels stand out; gnuplot has eight colours of its own.
set linetype 1 lc rgb "#c00000"
set linetype 2 lc rgb "#404040"
set linetype 3 lc rgb "#9ab8d8"
set linetype 4 lc rgb "#5b8db8"
set linetype 5 lc rgb "#2f5f8a"
set linetype 6 lc rgb "#8fc98f"
set linetype 7 lc rgb "#4e9a4e"
set linetype 8 lc rgb "#e0b860"
set linetype 9 lc rgb "#b08020"
set linetype 10 lc rgb "#a080c0"
set linetype 11 lc rgb "#704890"
set linetype cycle 11
# A pipe is 1, and the line.
set arrow from graph 0, first 1 to graph 1, first 1 nohead lc "black"
plot for [i=2:columns] data using i:xtic(1) title columnheader(i)
