# SPDX-License-Identifier: GPL-2.0
# Draw the ratios of peers to a pipe, side by side: gnuplot -e "data=...; picture=..." plot.gp
set terminal svg size 1100,520 dynamic background "white" font "sans-serif,12"
set output picture
set datafile separator tab
set datafile missing "NaN"
set title "Cost of an operation, times that of a pipe (shorter is better)"
set logscale y
set yrange [0.05:*]
set grid ytics
set style data histograms
set style histogram clustered gap 2
set style fill solid 0.8 noborder
set boxwidth 0.95
set xtics rotate by -20
set key outside right top
# A pipe is 1, and the line.
set arrow from graph 0, first 1 to graph 1, first 1 nohead lc "black"
stats data skip 1 nooutput
columns = int(STATS_columns)
plot for [i=2:columns] data using i:xtic(1) title columnheader(i)
